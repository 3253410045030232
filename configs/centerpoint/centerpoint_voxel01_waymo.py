"""CenterPoint with SECOND's sparse encoder (voxel 0.1 x 0.1 x 0.15 m) on Waymo, 20 % of the labels, from scratch.

Command:   bash tools/dist_train.sh configs/centerpoint/centerpoint_voxel01_waymo.py 8
           all labels: --cfg-options load_interval=1 repeat_times=1; without GT sampling: gt_sampling=False
           python tools/test.py configs/centerpoint/centerpoint_voxel01_waymo.py CHECKPOINT
Data:      data/waymo/kitti_format, written by `python tools/create_data.py waymo` (docs/data/waymo.md); the embedded
           world: --cfg-options data_root=data/synthetic_waymo/
Hardware:  8 GPUs with 4 frames each; for another number of GPUs add --auto-scale-lr.
Expected:  not run. mmdet3d has no CenterPoint for Waymo: range, voxels, head and test settings are those of the
           CenterPoint paper's Waymo model, without its second stage.

20 % is mmdet3d's D5, every fifth frame, seen twice an epoch. Single sweeps of all five lidars; intensity is squashed by
tanh, as it has outliers of 1e4. Points in no-label zones are dropped for training. Boxes have no velocity. The test is
AP and APH at LEVEL_1 and LEVEL_2, by class and range, computed in this process.
"""

_base_ = [
    'mmdet3d::_base_/datasets/waymoD5-3d-3class.py',
    'mmdet3d::_base_/models/centerpoint_voxel01_second_secfpn_nus.py',
    'mmdet3d::_base_/schedules/cyclic-20e.py',
    'mmdet3d::_base_/default_runtime.py',
]
custom_imports = dict(imports=['dos_mm3d'], allow_failed_imports=False)

data_root = 'data/waymo/kitti_format/'
load_interval = 5  # 1: all labels
repeat_times = 2
gt_sampling = True
# What the encoder is fed: the pretraining configs have the same.
input_channels = ['x [m]', 'y [m]', 'z [m]', 'tanh(intensity)', 'elongation']
point_cloud_range = [-75.2, -75.2, -2.0, 75.2, 75.2, 4.0]
voxel_size = [0.1, 0.1, 0.15]
sweeps_num = 0

_cells = [round((point_cloud_range[axis + 3] - point_cloud_range[axis]) / voxel_size[axis]) for axis in range(3)]
# of boxes that are kept, at least; a longer range is not cut
_centers = [*map(min, [-80.0, -80.0, -10.0], point_cloud_range), *map(max, [80.0, 80.0, 10.0], point_cloud_range[3:])]

model = dict(
    data_preprocessor=dict(
        voxel_layer=dict(point_cloud_range=point_cloud_range, voxel_size=voxel_size, max_voxels=(150000, 200000))
    ),
    # z, y, x and one cell of head room in z
    pts_middle_encoder=dict(sparse_shape=[_cells[2] + 1, _cells[1], _cells[0]]),
    pts_bbox_head=dict(
        type='CenterHeadWithoutVelocity',
        tasks=[dict(num_class=3, class_names=_base_.class_names)],
        common_heads=dict(_delete_=True, reg=(2, 2), height=(1, 2), dim=(3, 2), rot=(2, 2)),
        bbox_coder=dict(
            voxel_size=voxel_size[:2], pc_range=point_cloud_range[:2], post_center_range=_centers, code_size=7
        ),
    ),
    train_cfg=dict(pts=dict(grid_size=_cells, point_cloud_range=point_cloud_range, voxel_size=voxel_size)),
    test_cfg=dict(
        pts=dict(
            voxel_size=voxel_size[:2],
            pc_range=point_cloud_range[:2],
            post_center_limit_range=_centers,
            pre_max_size=4096,
            post_max_size=500,
            nms_thr=0.7,
        )
    ),
)

_load_points = dict(type='LoadPointsFromFile', coord_type='LIDAR', load_dim=6, use_dim=5, norm_intensity=True)
db_sampler = {
    **_base_.db_sampler,
    'data_root': data_root,
    'info_path': data_root + 'waymo_dbinfos_train.pkl',
    'points_loader': {**_base_.db_sampler.points_loader, 'norm_intensity': True},
}
_late = ('PointsRangeFilter', 'ObjectRangeFilter')
_in_range = [dict(type=name, point_cloud_range=point_cloud_range) for name in _late]
train_pipeline = [
    _load_points,
    dict(type='DropNoLabelZone'),
    _base_.train_pipeline[1],  # LoadAnnotations3D
    *([dict(type='ObjectSample', db_sampler=db_sampler)] if gt_sampling else []),
    *[step for step in _base_.train_pipeline[2:-2] if step['type'] not in _late],  # flip, turn, scale
    *_in_range,
    *_base_.train_pipeline[-2:],  # shuffle, pack
]
test_pipeline = [_load_points, _in_range[0], _base_.eval_pipeline[-1]]
train_dataloader = dict(
    batch_size=4,
    num_workers=4,
    dataset=dict(
        times=repeat_times,
        dataset=dict(data_root=data_root, load_interval=load_interval, pipeline=train_pipeline),
    ),
)
val_dataloader = dict(dataset=dict(data_root=data_root, pipeline=test_pipeline))
test_dataloader = val_dataloader
val_evaluator = dict(_delete_=True, type='WaymoDetMetric', ann_file=data_root + 'waymo_infos_val.pkl')
test_evaluator = val_evaluator
auto_scale_lr = dict(enable=False, base_batch_size=32)
default_hooks = dict(data_wait=dict(type='DataWaitHook'))
