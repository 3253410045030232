"""CenterPoint over Point Transformer V3 (39 M, grid 0.05 m) on nuScenes, from scratch.

Command:   bash tools/dist_train.sh configs/centerpoint/centerpoint_ptv3_nuscenes.py 8
           half precision: --amp; with flash-attn installed:
           --cfg-options model.pts_middle_encoder.ptv3.block.attention=flash_attn
           less memory, more time: model.pts_middle_encoder.ptv3.recompute_blocks=True
Data:      data/nuscenes, converted with `python tools/create_data.py nuscenes --root-path data/nuscenes ...`.
Hardware:  8 GPUs with 4 key frames each (10 sweeps); for another number of GPUs add --auto-scale-lr.
Expected:  not run.

Data, neck, head and schedule are those of centerpoint_voxel01_nuscenes.py; the grid is that of
configs/dos/dos_ptv3_nuscenes.py. The map has cells of 0.4 m, and SECOND halves it twice: boxes are found on the same
0.8 m as there.
"""

_base_ = ['centerpoint_voxel01_nuscenes.py', '_base_/ptv3.py']

voxel_size = [0.05, 0.05, 0.05]

_points = dict(in_channels=len(_base_.input_channels), input_scale=_base_.ptv3_scales.lidar_255_lag)
# From here on as in centerpoint_ptv3_waymo.py: a config derives from its bases only.
_range = _base_.point_cloud_range
_cells = [round((high - low) / size) for low, high, size in zip(_range[:3], _range[3:], voxel_size)]
_places = dict(voxel_size=voxel_size[:2], out_size_factor=_base_.map_stride * _base_.layer_strides[0])
_ptv3 = dict(**_base_.ptv3_small, **_points)

model = dict(
    # that many voxels as pretraining allows
    data_preprocessor=dict(voxel_layer=dict(voxel_size=voxel_size, max_voxels=(300000, 300000))),
    pts_middle_encoder=dict(
        _delete_=True,
        type='PTv3MiddleEncoder',
        ptv3=_ptv3,
        point_cloud_range=_range,
        voxel_size=voxel_size,
        map_stride=_base_.map_stride,
    ),
    pts_backbone=dict(in_channels=_ptv3['decoder']['channels'][0], layer_strides=_base_.layer_strides),
    pts_bbox_head=dict(bbox_coder=_places),
    train_cfg=dict(pts=dict(grid_size=_cells, voxel_size=voxel_size, out_size_factor=_places['out_size_factor'])),
    test_cfg=dict(pts=_places),
)
