"""DOS pretraining of the small CenterPoint's sparse encoder on the embedded data set, without labels.

Command:   python tools/train.py configs/dos/dos_second_synthetic.py
Hardware:  2 CPU cores, no GPU.
Expected:  13 minutes beside another job; linear probe 34.9 +- 0.9 mIoU over three seeds, random initialisation 19.3
           (docs/results/zipf_1p3_2000_steps_test.json).
"""

_base_ = ['../_base_/pretraining_small.py', '../_base_/backbones/second.py']

data_root = 'data/synthetic_nuscenes/'
num_sweeps = 2
batch_size = 1  # on validation scenes twice the steps of half the batch were worth 5.7 mIoU (docs/diary.md)
# channels, grid and BatchNorm of centerpoint_small_synthetic.py, which takes the weights
input_channels = ['x [m]', 'y [m]', 'z [m]', 'intensity 0-255', 'time lag [s]']
point_cloud_range = [-51.2, -51.2, -5.0, 51.2, 51.2, 3.0]
voxel_size = [0.2, 0.2, 0.2]

_range = point_cloud_range
_cells = [round((high - low) / size) for low, high, size in zip(_range[:3], _range[3:], voxel_size)]
model = dict(
    **_base_.dos,
    backbone=dict(
        # SparseEncoder wants z, y, x and one cell of head room in z
        middle_encoder=dict(
            sparse_shape=[_cells[2] + 1, _cells[1], _cells[0]], norm_cfg=dict(type='BN1d', eps=1e-3, momentum=0.1)
        )
    ),
    data_preprocessor=dict(
        voxel_layer=dict(point_cloud_range=_range, voxel_size=voxel_size, max_voxels=(30000, 40000))
    ),
)
train_dataloader = dict(
    batch_size=batch_size,
    dataset=dict(
        type='NuScenesSweeps',
        data_root=data_root,
        ann_file='nuscenes_infos_train.pkl',
        num_sweeps=num_sweeps,
        key_frames_only=False,
        part='pretrain',
        pipeline=_base_.pipeline,
    ),
)
# a decay of 0.02 cost 0.8 mIoU on validation scenes (docs/diary.md)
optim_wrapper = dict(optimizer=dict(weight_decay=0.2))
env_cfg = dict(dist_cfg=dict(backend='gloo'))
default_hooks = dict(checkpoint=dict(interval=100))
