"""Small CenterPoint over Point Transformer V3 on the embedded data set, from scratch.

Command:   python tools/train.py configs/centerpoint/centerpoint_ptv3_small_synthetic.py
           python tools/test.py configs/centerpoint/centerpoint_ptv3_small_synthetic.py CHECKPOINT
Hardware:  2 CPU cores, no GPU.
Expected:  14 minutes of training on one shared core; car AP 0.244, mAP 0.114, NDS 0.209 by the devkit, one seed
           (docs/diary.md).

Data, voxels, neck and head are those of centerpoint_small_synthetic.py.
"""

_base_ = ['centerpoint_small_synthetic.py', '_base_/ptv3.py']

map_stride = 4  # SECOND halves it to the head's 1.6 m

_points = dict(in_channels=len(_base_.input_channels), input_scale=_base_.ptv3_scales.lidar_255_lag)
_ptv3 = dict(**_base_.ptv3_tiny, **_points)

model = dict(
    pts_middle_encoder=dict(
        _delete_=True,
        type='PTv3MiddleEncoder',
        ptv3=_ptv3,
        point_cloud_range=_base_.point_cloud_range,
        voxel_size=_base_.voxel_size,
        map_stride=map_stride,
    ),
    pts_backbone=dict(in_channels=_ptv3['decoder']['channels'][0], layer_strides=_base_.layer_strides),
)
