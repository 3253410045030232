"""Small CenterPoint on the embedded Waymo, all labels, from scratch; with the DOS weights, add `load_from`.

Command:   python tools/train.py configs/centerpoint/centerpoint_small_synthetic_waymo.py
           python tools/test.py configs/centerpoint/centerpoint_small_synthetic_waymo.py CHECKPOINT
           (from DOS weights, of configs/dos/dos_second_synthetic_waymo.py: --cfg-options load_from=EXPORTED)
Data:      tools/create_synthetic.py --format waymo --train-scenes 10, then tools/create_data.py waymo
           --root-path data/synthetic_waymo
Hardware:  2 CPU cores, no GPU.
Expected:  not run.

Data, head and metric of centerpoint_voxel01_waymo.py; voxels, widths and length of centerpoint_small_synthetic.py.
"""

_base_ = './centerpoint_voxel01_waymo.py'

data_root = 'data/synthetic_waymo/'
point_cloud_range = [-51.2, -51.2, -3.0, 51.2, 51.2, 5.0]
voxel_size = [0.2, 0.2, 0.2]
max_iters = 400
batch_size = 2
max_learning_rate = 2e-3
_bn_momentum, _score_threshold = 0.1, 0.02  # for a short run, as in centerpoint_small_synthetic.py

_grid_size = [round((point_cloud_range[axis + 3] - point_cloud_range[axis]) / voxel_size[axis]) for axis in range(3)]
_second_widths = [width // 2 for width in _base_.model.pts_backbone.out_channels]
_fpn_widths = [width // 2 for width in _base_.model.pts_neck.out_channels]
_head_width = _base_.model.pts_bbox_head.share_conv_channel // 2
_plane = dict(voxel_size=voxel_size[:2], pc_range=point_cloud_range[:2])

model = dict(
    data_preprocessor=dict(
        voxel_layer=dict(point_cloud_range=point_cloud_range, voxel_size=voxel_size, max_voxels=(60000, 80000))
    ),
    pts_middle_encoder=dict(
        sparse_shape=[_grid_size[2] + 1, _grid_size[1], _grid_size[0]],
        norm_cfg=dict(type='BN1d', eps=1e-3, momentum=_bn_momentum),
    ),
    pts_backbone=dict(out_channels=_second_widths, norm_cfg=dict(momentum=_bn_momentum)),
    pts_neck=dict(in_channels=_second_widths, out_channels=_fpn_widths, norm_cfg=dict(momentum=_bn_momentum)),
    pts_bbox_head=dict(
        in_channels=sum(_fpn_widths),
        share_conv_channel=_head_width,
        separate_head=dict(type='BiasedSeparateHead', head_conv=_head_width),
        bbox_coder=dict(**_plane, score_threshold=_score_threshold),
    ),
    train_cfg=dict(pts=dict(grid_size=_grid_size, point_cloud_range=point_cloud_range, voxel_size=voxel_size)),
    test_cfg=dict(pts=dict(**_plane, score_threshold=_score_threshold)),
)

# cut to the range; without pasted objects
_cut = dict(point_cloud_range=point_cloud_range)
train_pipeline = [
    {**step, **_cut} if 'Range' in step['type'] else step
    for step in _base_.train_pipeline
    if step['type'] != 'ObjectSample'
]
test_pipeline = [{**step, **_cut} if 'Range' in step['type'] else step for step in _base_.test_pipeline]
train_dataloader = dict(
    batch_size=batch_size,
    num_workers=1,
    sampler=dict(type='InfiniteSampler', shuffle=True),
    dataset=dict(times=1, dataset=dict(data_root=data_root, load_interval=1, pipeline=train_pipeline)),
)
test_dataloader = dict(dataset=dict(data_root=data_root, pipeline=test_pipeline))
test_evaluator = dict(ann_file=data_root + 'waymo_infos_val.pkl')
# The validation segments are the test split, read once, by tools/test.py.
val_dataloader = None
val_evaluator = None
val_cfg = None
train_cfg = dict(_delete_=True, type='IterBasedTrainLoop', max_iters=max_iters)
optim_wrapper = dict(optimizer=dict(lr=max_learning_rate))
param_scheduler = [
    dict(type='OneCycleLR', eta_max=max_learning_rate, total_steps=max_iters, pct_start=0.3, by_epoch=False)
]
auto_scale_lr = dict(base_batch_size=batch_size)
randomness = dict(seed=0)
env_cfg = dict(dist_cfg=dict(backend='gloo'))
default_hooks = dict(
    logger=dict(interval=10),
    checkpoint=dict(by_epoch=False, interval=max_iters, max_keep_ckpts=1, save_optimizer=False),
)
log_processor = dict(by_epoch=False)
