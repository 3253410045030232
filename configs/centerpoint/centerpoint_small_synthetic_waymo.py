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

_base_ = ['./centerpoint_voxel01_waymo.py', '_base_/small.py']

data_root = 'data/synthetic_waymo/'
point_cloud_range = [-51.2, -51.2, -3.0, 51.2, 51.2, 5.0]
voxel_size = [0.2, 0.2, 0.2]

_cells = [round((point_cloud_range[axis + 3] - point_cloud_range[axis]) / voxel_size[axis]) for axis in range(3)]
_plane = dict(**_base_.found, voxel_size=voxel_size[:2], pc_range=point_cloud_range[:2])

model = dict(
    data_preprocessor=dict(
        voxel_layer=dict(point_cloud_range=point_cloud_range, voxel_size=voxel_size, max_voxels=(60000, 80000))
    ),
    pts_middle_encoder=dict(**_base_.small_encoder, sparse_shape=[_cells[2] + 1, _cells[1], _cells[0]]),
    pts_backbone=_base_.small_backbone,
    pts_neck=_base_.small_neck,
    pts_bbox_head=dict(**_base_.small_head, bbox_coder=_plane),
    train_cfg=dict(pts=dict(grid_size=_cells, point_cloud_range=point_cloud_range, voxel_size=voxel_size)),
    test_cfg=dict(pts=_plane),
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
    batch_size=_base_.batch_size,
    num_workers=1,
    sampler=dict(type='InfiniteSampler', shuffle=True),
    dataset=dict(times=1, dataset=dict(data_root=data_root, load_interval=1, pipeline=train_pipeline)),
)
test_dataloader = dict(dataset=dict(data_root=data_root, pipeline=test_pipeline))
test_evaluator = dict(ann_file=data_root + 'waymo_infos_val.pkl')
# The validation segments are the test split, read once, by tools/test.py.
val_dataloader = val_evaluator = val_cfg = None

# as in centerpoint_small_synthetic.py: mmdet3d has each of these keys, so a base of ours cannot have it, too
train_cfg = _base_.short_run.train_cfg
optim_wrapper = _base_.short_run.optim_wrapper
param_scheduler = _base_.short_run.param_scheduler
auto_scale_lr = _base_.short_run.auto_scale_lr
env_cfg, log_processor = _base_.short_run.env_cfg, _base_.short_run.log_processor
default_hooks = _base_.short_run.default_hooks
