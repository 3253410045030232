"""DOS on mmdet3d's MinkUNet-34: children name grid, columns and loss stride."""

_base_ = '../../minkunet/_base_sizes.py'

model = dict(
    type='DOS',
    backbone=dict(type='MinkUNetAdapter', backbone=_base_.minkunet.w32_34),
    data_preprocessor=dict(
        type='ViewPreprocessor',
        voxel=True,
        voxel_type='minkunet',
        voxel_layer=dict(max_num_points=-1, max_voxels=(-1, -1)),
    ),
)
