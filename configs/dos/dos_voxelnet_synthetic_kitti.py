"""DOS pretraining of the small SECOND's sparse encoder (voxel 0.1 m, loss voxels 0.2 m) on the embedded KITTI.

Command:   python tools/train.py configs/dos/dos_voxelnet_synthetic_kitti.py
           then tools/export_backbone.py and configs/second/second_small_kitti_dos.py
Data:      tools/create_synthetic.py --format kitti; real sweeps: --cfg-options data_root=data/kitti/
Hardware:  2 CPU cores, no GPU.
Expected:  not run.
"""

_base_ = ['../_base_/pretraining_small.py', '../_base_/backbones/voxelnet.py']

data_root = 'data/synthetic_kitti/'
leave_out = ['val']
batch_size = 1  # as in dos_second_synthetic.py
# channels, voxels and BatchNorm of second_small_kitti.py, which takes the weights
input_channels = ['x [m]', 'y [m]', 'z [m]', 'intensity 0-1']
point_cloud_range = [-51.2, -40.0, -3.0, 51.2, 40.0, 1.0]
voxel_size = [0.1, 0.1, 0.1]

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
        voxel_layer=dict(point_cloud_range=_range, voxel_size=voxel_size, max_voxels=(40000, 60000))
    ),
)
train_dataloader = dict(
    batch_size=batch_size,
    dataset=dict(type='KittiSweeps', data_root=data_root, leave_out=leave_out, pipeline=_base_.pipeline),
)
env_cfg = dict(dist_cfg=dict(backend='gloo'))
default_hooks = dict(checkpoint=dict(interval=100))
