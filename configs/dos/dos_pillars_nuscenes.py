"""DOS pretraining of CenterPoint's pillar encoder and 2D backbone (pillars 0.2 m, 10 sweeps) on real nuScenes.

Command:   bash tools/dist_train.sh configs/dos/dos_pillars_nuscenes.py 8
           then tools/export_backbone.py, and load_from in mmdet3d's own
           centerpoint/centerpoint_pillar02_second_secfpn_8xb4-cyclic-20e_nus-3d.py
Hardware:  8 GPUs, 3 scans each; with fewer, add --auto-scale-lr or accumulate gradients.
Expected:  not run.

Pillars and modules are those of that config. The loss voxels are its pillars.
"""

_base_ = '../_base_/nuscenes.py'

voxel_size = [0.2, 0.2, 8]

_range = _base_.point_cloud_range
model = dict(
    **_base_.dos,
    type='DOS',
    backbone=dict(
        type='PillarBackbone',
        voxel_encoder=dict(
            type='PillarFeatureNet',
            in_channels=len(_base_.input_channels),
            feat_channels=[64],
            with_distance=False,
            voxel_size=voxel_size,
            point_cloud_range=_range,
            norm_cfg=dict(type='BN1d', eps=1e-3, momentum=0.01),
            legacy=False,
        ),
        middle_encoder=dict(
            type='PointPillarsScatter',
            in_channels=64,
            output_shape=[round((_range[axis + 3] - _range[axis]) / voxel_size[axis]) for axis in (1, 0)],
        ),
        backbone=dict(
            type='SECOND',
            in_channels=64,
            out_channels=[64, 128, 256],
            layer_nums=[3, 5, 5],
            layer_strides=[2, 2, 2],
            norm_cfg=dict(type='BN', eps=1e-3, momentum=0.01),
            conv_cfg=dict(type='Conv2d', bias=False),
        ),
    ),
    data_preprocessor=dict(
        type='ViewPreprocessor',
        voxel=True,
        voxel_layer=dict(
            max_num_points=20,
            point_cloud_range=_range,
            voxel_size=voxel_size,
            max_voxels=(300000, 300000),
        ),
    ),
)
