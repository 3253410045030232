"""mmdet3d's MinkUNet over points as they are: voxels of any number, no range; children name voxel size and
classes, small ones their widths.

The lines that join a data set's columns, classes and schedule to this file stand in each child: mmengine evaluates
every file by itself, and neither base sees the other.
"""

_base_ = '../../minkunet/_base_sizes.py'

model = dict(
    type='MinkUNet',
    data_preprocessor=dict(
        type='Det3DDataPreprocessor',
        voxel=True,
        voxel_type='minkunet',
        batch_first=True,
        max_voxels=80000,
        # this kind of voxel has a size only: no range, no limit
        voxel_layer=dict(max_num_points=-1, point_cloud_range=[-100, -100, -20, 100, 100, 20], max_voxels=(-1, -1)),
    ),
    backbone=_base_.minkunet.w32_34,
    decode_head=dict(
        type='MinkUNetHead',
        channels=_base_.minkunet.w32_34.decoder_channels[-1],
        dropout_ratio=0,
        loss_decode=dict(type='mmdet.CrossEntropyLoss', avg_non_ignore=True),
    ),
)
