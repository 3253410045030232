"""Small CenterPoint on the embedded data set, from scratch; with the DOS weights, add `load_from`.

Command:   python tools/train.py configs/centerpoint/centerpoint_small_synthetic.py
           python tools/test.py configs/centerpoint/centerpoint_small_synthetic.py CHECKPOINT
           (from DOS weights: --cfg-options load_from=EXPORTED)
Hardware:  2 CPU cores, no GPU.
Expected:  12 minutes on one core; car AP 0.249, mAP 0.121 from scratch, 0.359 and 0.200 from DOS weights, one seed
           (docs/results/quickstart.json).
"""

_base_ = [
    'mmdet3d::centerpoint/centerpoint_voxel01_second_secfpn_8xb4-cyclic-20e_nus-3d.py',
    '_base_/nuscenes.py',
    '_base_/small.py',
]

voxel_size = [0.2, 0.2, 0.2]
sweeps_num = 1  # previous sweeps added to the key frame; two instants are enough for a velocity
labelled_scenes = 20

_range = _base_.point_cloud_range
_cells = [round((high - low) / size) for low, high, size in zip(_range[:3], _range[3:], voxel_size)]
_kept = _base_.model.pts_bbox_head.bbox_coder.post_center_range  # of boxes, which a longer range must not outgrow
_kept = [*map(min, _kept[:3], _range[:3]), *map(max, _kept[3:], _range[3:])]

model = dict(
    data_preprocessor=dict(voxel_layer=dict(voxel_size=voxel_size, max_voxels=(30000, 40000))),
    # SparseEncoder wants z, y, x and one cell of head room in z
    pts_middle_encoder=dict(**_base_.small_encoder, sparse_shape=[_cells[2] + 1, _cells[1], _cells[0]]),
    pts_backbone=_base_.small_backbone,
    pts_neck=_base_.small_neck,
    pts_bbox_head=dict(
        **_base_.small_head,
        bbox_coder=dict(**_base_.found, voxel_size=voxel_size[:2], post_center_range=_kept),
    ),
    train_cfg=dict(pts=dict(grid_size=_cells, voxel_size=voxel_size)),
    test_cfg=dict(pts=dict(**_base_.found, voxel_size=voxel_size[:2], post_center_limit_range=_kept)),
)

data_root = 'data/synthetic_nuscenes/'
_load_points = [
    dict(type='LoadPointsFromFile', coord_type='LIDAR', load_dim=5, use_dim=5),
    dict(
        type='LoadPointsFromMultiSweeps',
        sweeps_num=sweeps_num,
        use_dim=[0, 1, 2, 3, 4],
        pad_empty_sweeps=True,
        remove_close=True,
    ),
]
_load_points_test = [_load_points[0], _load_points[1] | dict(test_mode=True)]
train_pipeline = [
    *_load_points,
    dict(type='LoadAnnotations3D', with_bbox_3d=True, with_label_3d=True),
    dict(
        type='GlobalRotScaleTrans',
        rot_range=[-0.785, 0.785],
        scale_ratio_range=[0.95, 1.05],
        translation_std=[0, 0, 0],
    ),
    dict(type='RandomFlip3D', sync_2d=False, flip_ratio_bev_horizontal=0.5, flip_ratio_bev_vertical=0.5),
    dict(type='PointsRangeFilter', point_cloud_range=_range),
    dict(type='ObjectRangeFilter', point_cloud_range=_range),
    dict(type='ObjectNameFilter', classes=_base_.class_names),
    dict(type='PointShuffle'),
    dict(type='Pack3DDetInputs', keys=['points', 'gt_bboxes_3d', 'gt_labels_3d']),
]
test_pipeline = [
    *_load_points_test,
    dict(type='PointsRangeFilter', point_cloud_range=_range),
    dict(type='Pack3DDetInputs', keys=['points']),
]

train_dataloader = dict(
    _delete_=True,
    batch_size=_base_.batch_size,
    num_workers=1,
    persistent_workers=True,
    sampler=dict(type='InfiniteSampler', shuffle=True),
    dataset=dict(
        type='LabelledScenesDataset',
        labelled_scenes=labelled_scenes,
        data_root=data_root,
        ann_file='nuscenes_infos_train.pkl',
        pipeline=train_pipeline,
        metainfo=dict(classes=_base_.class_names),
        test_mode=False,
        data_prefix=_base_.data_prefix,
        use_valid_flag=True,
        box_type_3d='LiDAR',
    ),
)
test_dataloader = dict(dataset=dict(data_root=data_root, pipeline=test_pipeline))
test_evaluator = dict(data_root=data_root, ann_file=data_root + 'nuscenes_infos_val.pkl')
# The val scenes are the test split, read once, by tools/test.py.
val_dataloader = val_evaluator = val_cfg = None

train_cfg = _base_.short_run.train_cfg
optim_wrapper = _base_.short_run.optim_wrapper
param_scheduler = _base_.short_run.param_scheduler
auto_scale_lr = _base_.short_run.auto_scale_lr
env_cfg, log_processor = _base_.short_run.env_cfg, _base_.short_run.log_processor
default_hooks = _base_.short_run.default_hooks
