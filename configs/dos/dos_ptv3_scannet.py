"""DOS pretraining of Point Transformer V3 (39 M, grid 0.02 m, loss voxels 0.08 m) on ScanNet's scans.

Command:   bash tools/dist_train.sh configs/dos/dos_ptv3_scannet.py 8
           then tools/export_backbone.py CKPT EXPORTED --for segmentation, for configs/segmentation/ptv3_*_scannet.py
           and ptv3_*_scannet200.py
Hardware:  8 GPUs, 3 scans each; with fewer, add --auto-scale-lr or accumulate gradients.
Expected:  not run.

Data, range and mask are those of dos_minkunet_scannet.py.
"""

_base_ = ['dos_minkunet_scannet.py', '../ptv3/_base_sizes.py']

max_points_per_voxel = 10

model = dict(
    backbone=dict(
        _delete_=True,
        type='PTv3Backbone',
        voxel_encoder=dict(type='HardSimpleVFE', num_features=len(_base_.input_channels)),
        ptv3={
            **_base_.ptv3.small,
            'in_channels': len(_base_.input_channels),
            'input_scale': _base_.ptv3_indoor_scale,
            'block': dict(drop_path=0.3),
        },
        loss_stride=_base_.loss_stride,
    ),
    data_preprocessor=dict(voxel_type='hard', voxel_layer=dict(max_num_points=max_points_per_voxel)),
)
