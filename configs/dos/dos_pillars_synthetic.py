"""DOS pretraining of a small pillar encoder and 2D backbone on the embedded data set, without labels.

Command:   python tools/train.py configs/dos/dos_pillars_synthetic.py
Hardware:  2 CPU cores, no GPU.
Expected:  not run yet.

The modules of dos_pillars_nuscenes.py, smaller; pillars are as wide as the loss voxels of dos_second_synthetic.py.
"""

_base_ = 'dos_second_synthetic.py'

voxel_size = [0.4, 0.4, 8]
widths = [32, 64, 128]
pillar_channels = 32

_range = _base_.point_cloud_range
model = dict(
    backbone=dict(
        _delete_=True,
        type='PillarBackbone',
        voxel_encoder=dict(
            type='PillarFeatureNet',
            in_channels=len(_base_.input_channels),
            feat_channels=[pillar_channels],
            voxel_size=voxel_size,
            point_cloud_range=_range,
            legacy=False,
        ),
        middle_encoder=dict(
            type='PointPillarsScatter',
            in_channels=pillar_channels,
            output_shape=[round((_range[axis + 3] - _range[axis]) / voxel_size[axis]) for axis in (1, 0)],
        ),
        backbone=dict(
            type='SECOND',
            in_channels=pillar_channels,
            out_channels=widths,
            layer_nums=[1, 2, 2],
            layer_strides=[2, 2, 2],
        ),
    ),
    data_preprocessor=dict(voxel_layer=dict(max_num_points=20, voxel_size=voxel_size)),
)
