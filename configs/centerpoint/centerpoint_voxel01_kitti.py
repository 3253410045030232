"""CenterPoint with SECOND's sparse encoder (voxel 0.1 x 0.1 x 0.2 m) on KITTI, all labels, from scratch.

Command:   bash tools/dist_train.sh configs/centerpoint/centerpoint_voxel01_kitti.py 8
           python tools/test.py configs/centerpoint/centerpoint_voxel01_kitti.py CHECKPOINT
           without GT sampling: --cfg-options gt_sampling=False
Data:      data/kitti, converted with `python tools/create_data.py kitti` (docs/data/kitti.md); another place:
           --cfg-options data_root=PATH/
Hardware:  8 GPUs with 6 frames each; for another number of GPUs add --auto-scale-lr.
Expected:  not run. mmdet3d has no CenterPoint for KITTI: data, augmentation and schedule are those of its SECOND.

Points and predictions are where the camera looks, as the labels are. Boxes have no velocity.
"""

_base_ = [
    'mmdet3d::_base_/datasets/kitti-3d-3class.py',
    'mmdet3d::_base_/models/centerpoint_voxel01_second_secfpn_nus.py',
    'mmdet3d::_base_/schedules/cyclic-40e.py',
    'mmdet3d::_base_/default_runtime.py',
]
custom_imports = dict(imports=['dos_mm3d'], allow_failed_imports=False)

data_root = 'data/kitti/'
gt_sampling = True
# What the encoder is fed: the pretraining configs have the same.
input_channels = ['x [m]', 'y [m]', 'z [m]', 'intensity 0-1']
point_cloud_range = [0, -40.0, -5.0, 70.4, 40.0, 3.0]
voxel_size = [0.1, 0.1, 0.2]

_columns = len(input_channels)
_cells = [round((point_cloud_range[axis + 3] - point_cloud_range[axis]) / voxel_size[axis]) for axis in range(3)]
_plane = dict(voxel_size=voxel_size[:2], pc_range=point_cloud_range[:2])

model = dict(
    data_preprocessor=dict(
        voxel_layer=dict(point_cloud_range=point_cloud_range, voxel_size=voxel_size, max_voxels=(30000, 40000))
    ),
    pts_voxel_encoder=dict(num_features=_columns),
    # z, y, x and one cell of head room in z
    pts_middle_encoder=dict(in_channels=_columns, sparse_shape=[_cells[2] + 1, _cells[1], _cells[0]]),
    pts_bbox_head=dict(
        type='CenterHeadWithoutVelocity',
        tasks=[dict(num_class=3, class_names=_base_.class_names)],
        common_heads=dict(_delete_=True, reg=(2, 2), height=(1, 2), dim=(3, 2), rot=(2, 2)),
        bbox_coder=dict(**_plane, post_center_range=point_cloud_range, code_size=7),
    ),
    train_cfg=dict(pts=dict(grid_size=_cells, point_cloud_range=point_cloud_range, voxel_size=voxel_size)),
    test_cfg=dict(pts=dict(**_plane, post_center_limit_range=point_cloud_range)),
)

_load_points, *_augment = _base_.train_pipeline
_cut = dict(point_cloud_range=point_cloud_range)
train_pipeline = [
    _load_points,
    *[
        {**step, **_cut} if 'Range' in step['type'] else step
        for step in _augment
        if gt_sampling or step['type'] != 'ObjectSample'
    ],
]
test_pipeline = [_load_points, dict(type='PointsRangeFilter', **_cut), _base_.eval_pipeline[-1]]
train_dataloader = dict(dataset=dict(dataset=dict(data_root=data_root, pipeline=train_pipeline)))
val_dataloader = dict(dataset=dict(data_root=data_root, pipeline=test_pipeline))
test_dataloader = val_dataloader
default_hooks = dict(data_wait=dict(type='DataWaitHook'))
