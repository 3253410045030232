"""Cylinder3D by size: a table to inherit and to pick from, `backbone=_base_.cylinder3d.full.backbone`.

full is the model of mmdet3d's cylinder3d configs; tiny is ours, for two CPU cores. Cells are rho, phi, z; the encoder
is fed rho, phi, z, x, y and what other columns points have.
"""

cylinder3d = dict(
    # 0.9 M
    tiny=dict(
        voxel_layer=dict(
            grid_shape=[128, 180, 20],
            point_cloud_range=[0, -3.14159265359, -5, 51.2, 3.14159265359, 3],
            max_num_points=-1,
            max_voxels=-1,
        ),
        voxel_encoder=dict(
            type='SegVFE',
            in_channels=6,
            feat_channels=[32, 64],
            with_voxel_center=True,
            grid_shape=[128, 180, 20],
            point_cloud_range=[0, -3.14159265359, -5, 51.2, 3.14159265359, 3],
            feat_compression=8,
        ),
        backbone=dict(
            type='Asymm3DSpconv',
            grid_size=[128, 180, 20],
            input_channels=8,
            base_channels=8,
            backbone_depth=3,
            height_pooing=[True, True, False],
            norm_cfg=dict(type='BN1d', eps=1e-5, momentum=0.1),
        ),
    ),
    # 56 M
    full=dict(
        voxel_layer=dict(
            grid_shape=[480, 360, 32],
            point_cloud_range=[0, -3.14159265359, -4, 50, 3.14159265359, 2],
            max_num_points=-1,
            max_voxels=-1,
        ),
        voxel_encoder=dict(
            type='SegVFE',
            feat_channels=[64, 128, 256, 256],
            in_channels=6,
            with_voxel_center=True,
            feat_compression=16,
            return_point_feats=False,
        ),
        backbone=dict(
            type='Asymm3DSpconv',
            grid_size=[480, 360, 32],
            input_channels=16,
            base_channels=32,
            norm_cfg=dict(type='BN1d', eps=1e-5, momentum=0.1),
        ),
    ),
)
