"""CenterPoint over Point Transformer V3 (39 M, grid 0.05 m) on Waymo, every fifth frame, from scratch.

Command:   bash tools/dist_train.sh configs/centerpoint/centerpoint_ptv3_waymo.py 8
Data:      data/waymo/kitti_format, written by mmdet3d 1.4's own converter.
Hardware:  8 GPUs with 2 frames each; for another number of GPUs add --auto-scale-lr.
Expected:  not run. mmdet3d has no CenterPoint for Waymo: range, head and test settings are those of the CenterPoint
           paper's Waymo model, without its second stage.

Not validated while it trains: mmdet3d's WaymoMetric, which tools/test.py runs, needs a compiled binary. Ours
(dos_mm3d.evaluation.waymo_detection_metrics) needs difficulties and no-label zones, which this form of the data lacks.
Points are single sweeps; intensity is squashed by tanh, as it has outliers of 1e4. Boxes have no velocity.
"""

_base_ = [
    'mmdet3d::_base_/datasets/waymoD5-3d-3class.py',
    'mmdet3d::_base_/models/centerpoint_voxel01_second_secfpn_nus.py',
    'mmdet3d::_base_/schedules/cyclic-20e.py',
    'mmdet3d::_base_/default_runtime.py',
    '../ptv3/_base_sizes.py',
]
custom_imports = dict(imports=['dos_mm3d'], allow_failed_imports=False)

input_channels = ['x [m]', 'y [m]', 'z [m]', 'tanh(intensity)', 'elongation']
input_scale = [*_base_.ptv3_lidar_scale[:3], 1.0, 1.0]
point_cloud_range = [-75.2, -75.2, -2.0, 75.2, 75.2, 4.0]
voxel_size = [0.05, 0.05, 0.05]
map_stride = 8  # voxels along the edge of a cell of the bird's-eye map
layer_strides = [2, 2]
sweeps_num = 0

_grid_size = [round((point_cloud_range[axis + 3] - point_cloud_range[axis]) / voxel_size[axis]) for axis in range(3)]
_decoder = {**_base_.ptv3_decoders.small, 'depths': [0, 0, 0, 0]}  # SECOND mixes what the unpoolings gather
_places = dict(voxel_size=voxel_size[:2], pc_range=point_cloud_range[:2], out_size_factor=map_stride * layer_strides[0])
_centers = [-80.0, -80.0, -10.0, 80.0, 80.0, 10.0]

model = dict(
    data_preprocessor=dict(
        voxel_layer=dict(point_cloud_range=point_cloud_range, voxel_size=voxel_size, max_voxels=(200000, 200000))
    ),
    pts_middle_encoder=dict(
        _delete_=True,
        type='PTv3MiddleEncoder',
        ptv3={
            **_base_.ptv3.small,
            'in_channels': len(input_channels),
            'input_scale': input_scale,
            'decoder': _decoder,
            'block': dict(drop_path=0.3),
        },
        point_cloud_range=point_cloud_range,
        voxel_size=voxel_size,
        map_stride=map_stride,
    ),
    pts_backbone=dict(in_channels=_decoder['channels'][0], layer_strides=layer_strides),
    pts_bbox_head=dict(
        type='CenterHeadWithoutVelocity',
        tasks=[dict(num_class=3, class_names=_base_.class_names)],
        common_heads=dict(_delete_=True, reg=(2, 2), height=(1, 2), dim=(3, 2), rot=(2, 2)),
        bbox_coder=dict(**_places, post_center_range=_centers, code_size=7),
    ),
    train_cfg=dict(
        pts=dict(
            grid_size=_grid_size,
            point_cloud_range=point_cloud_range,
            voxel_size=voxel_size,
            out_size_factor=_places['out_size_factor'],
        )
    ),
    test_cfg=dict(
        pts=dict(**_places, post_center_limit_range=_centers, pre_max_size=4096, post_max_size=500, nms_thr=0.7)
    ),
)

_load_points = dict(type='LoadPointsFromFile', coord_type='LIDAR', load_dim=6, use_dim=5, norm_intensity=True)
_in_range = [
    dict(type=name, point_cloud_range=point_cloud_range) for name in ('PointsRangeFilter', 'ObjectRangeFilter')
]
train_pipeline = [
    _load_points,
    *[
        step
        for step in _base_.train_pipeline[1:]
        if step['type'] not in ('PointsRangeFilter', 'ObjectRangeFilter', 'PointShuffle', 'Pack3DDetInputs')
    ],
    *_in_range,
    *_base_.train_pipeline[-2:],
]
test_pipeline = [_load_points, _in_range[0], _base_.eval_pipeline[-1]]
train_dataloader = dict(dataset=dict(dataset=dict(pipeline=train_pipeline)))
val_dataloader = None
val_evaluator = None
val_cfg = None
test_dataloader = dict(dataset=dict(pipeline=test_pipeline))
auto_scale_lr = dict(enable=False, base_batch_size=16)
default_hooks = dict(data_wait=dict(type='DataWaitHook'))
