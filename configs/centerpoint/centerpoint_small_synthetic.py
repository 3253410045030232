"""Small CenterPoint on the embedded data set, from scratch; with the DOS weights, add `load_from`.

Command:   python tools/train.py configs/centerpoint/centerpoint_small_synthetic.py
           python tools/test.py configs/centerpoint/centerpoint_small_synthetic.py CHECKPOINT
           (from DOS weights: --cfg-options load_from=EXPORTED)
Hardware:  2 CPU cores, no GPU.
Expected:  12 minutes on one core; car AP 0.249, mAP 0.121 from scratch, 0.359 and 0.200 from DOS weights, one seed
           (docs/results/quickstart.json).
"""

_base_ = 'mmdet3d::centerpoint/centerpoint_voxel01_second_secfpn_8xb4-cyclic-20e_nus-3d.py'
custom_imports = dict(imports=['dos_mm3d'], allow_failed_imports=False)

# What the encoder is fed: the pretraining config inherits these names.
input_channels = ['x [m]', 'y [m]', 'z [m]', 'intensity 0-255', 'time lag [s]']
point_cloud_range = _base_.point_cloud_range
voxel_size = [0.2, 0.2, 0.2]
sweeps_num = 1  # previous sweeps added to the key frame; two instants are enough for a velocity

labelled_scenes = 20
max_iters = 400
batch_size = 2
max_learning_rate = 2e-3

# Derived: the grid, twice (SparseEncoder wants z, y, x and one cell of head room in z), and the widths.
_grid_size = [round((point_cloud_range[axis + 3] - point_cloud_range[axis]) / voxel_size[axis]) for axis in range(3)]
_sparse_shape = [_grid_size[2] + 1, _grid_size[1], _grid_size[0]]
_second_widths = [width // 2 for width in _base_.model.pts_backbone.out_channels]
_fpn_widths = [width // 2 for width in _base_.model.pts_neck.out_channels]
_head_width = _base_.model.pts_bbox_head.share_conv_channel // 2
# A short run is not sure of itself: AP is taken over all thresholds, so keep what it finds.
_score_threshold = 0.02
# mmdet3d's 0.01 is for 20 epochs: after 400 steps the running statistics would still lag behind the weights.
_bn_momentum = 0.1

model = dict(
    data_preprocessor=dict(voxel_layer=dict(voxel_size=voxel_size, max_voxels=(30000, 40000))),
    pts_middle_encoder=dict(sparse_shape=_sparse_shape, norm_cfg=dict(type='BN1d', eps=1e-3, momentum=_bn_momentum)),
    pts_backbone=dict(out_channels=_second_widths, norm_cfg=dict(momentum=_bn_momentum)),
    pts_neck=dict(in_channels=_second_widths, out_channels=_fpn_widths, norm_cfg=dict(momentum=_bn_momentum)),
    pts_bbox_head=dict(
        in_channels=sum(_fpn_widths),
        share_conv_channel=_head_width,
        separate_head=dict(type='BiasedSeparateHead', head_conv=_head_width),
        bbox_coder=dict(voxel_size=voxel_size[:2], score_threshold=_score_threshold),
    ),
    train_cfg=dict(pts=dict(grid_size=_grid_size, voxel_size=voxel_size)),
    test_cfg=dict(pts=dict(voxel_size=voxel_size[:2], score_threshold=_score_threshold)),
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
    dict(type='PointsRangeFilter', point_cloud_range=point_cloud_range),
    dict(type='ObjectRangeFilter', point_cloud_range=point_cloud_range),
    dict(type='ObjectNameFilter', classes=_base_.class_names),
    dict(type='PointShuffle'),
    dict(type='Pack3DDetInputs', keys=['points', 'gt_bboxes_3d', 'gt_labels_3d']),
]
test_pipeline = [
    *_load_points_test,
    dict(type='PointsRangeFilter', point_cloud_range=point_cloud_range),
    dict(type='Pack3DDetInputs', keys=['points']),
]

train_dataloader = dict(
    _delete_=True,
    batch_size=batch_size,
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
val_dataloader = None
val_evaluator = None
val_cfg = None

train_cfg = dict(_delete_=True, type='IterBasedTrainLoop', max_iters=max_iters)
optim_wrapper = dict(optimizer=dict(lr=max_learning_rate))
param_scheduler = [
    dict(type='OneCycleLR', eta_max=max_learning_rate, total_steps=max_iters, pct_start=0.3, by_epoch=False)
]
auto_scale_lr = dict(enable=False, base_batch_size=batch_size)

randomness = dict(seed=0)
env_cfg = dict(dist_cfg=dict(backend='gloo'))
default_hooks = dict(
    logger=dict(interval=10),
    checkpoint=dict(by_epoch=False, interval=max_iters, max_keep_ckpts=1, save_optimizer=False),
    data_wait=dict(type='DataWaitHook'),
)
log_processor = dict(by_epoch=False)
