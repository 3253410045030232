"""DOS on Point Transformer V3 (39 M): children name columns, their scales and the grid."""

_base_ = ['../../ptv3/_base_sizes.py', '../../ptv3/_base_scales.py']

voxel_size = [0.05, 0.05, 0.05]
loss_stride = 4

model = dict(
    type='DOS',
    backbone=dict(
        type='PTv3Backbone',
        voxel_encoder=dict(type='HardSimpleVFE'),
        ptv3={**_base_.ptv3.small, 'block': dict(drop_path=0.3)},
        loss_stride=loss_stride,
    ),
    data_preprocessor=dict(
        type='ViewPreprocessor',
        voxel=True,
        # nothing may be dropped: a loss voxel without features is an error
        voxel_layer=dict(max_num_points=10, voxel_size=voxel_size, max_voxels=(300000, 300000)),
    ),
)
