"""Small SECOND on KITTI, all labels, from scratch: coarser voxels, half the widths of mmdet3d's, 400 steps.

Command:   python tools/train.py configs/second/second_small_kitti.py
           python tools/test.py configs/second/second_small_kitti.py CHECKPOINT
Data:      data/kitti, converted with `python tools/create_data.py kitti` (docs/data/kitti.md); the embedded world:
           --cfg-options data_root=data/synthetic_kitti/
Hardware:  2 CPU cores, no GPU.
Expected:  not run.
"""

_base_ = ['./second_kitti.py', '../centerpoint/_base_/small.py']

data_root = 'data/kitti/'
voxel_size = [0.1, 0.1, 0.1]

_range = _base_.point_cloud_range
_cells = [round((_range[axis + 3] - _range[axis]) / voxel_size[axis]) for axis in range(3)]

model = dict(
    data_preprocessor=dict(voxel_layer=dict(voxel_size=voxel_size)),
    # z, y, x and one cell of head room in z
    middle_encoder=dict(**_base_.small_encoder, sparse_shape=[_cells[2] + 1, _cells[1], _cells[0]]),
    backbone=dict(out_channels=_base_.small_backbone.out_channels),
    neck=dict(in_channels=_base_.small_neck.in_channels, out_channels=_base_.small_neck.out_channels),
    bbox_head=dict(in_channels=_base_.small_head.in_channels, feat_channels=_base_.small_head.in_channels),
    test_cfg=dict(score_thr=_base_.found.score_threshold),
)

# without pasted and moved objects
train_pipeline = [step for step in _base_.train_pipeline if step['type'] not in ('ObjectSample', 'ObjectNoise')]
train_dataloader = dict(
    batch_size=_base_.batch_size,
    num_workers=1,
    sampler=dict(type='InfiniteSampler', shuffle=True),
    dataset=dict(times=1, dataset=dict(data_root=data_root, pipeline=train_pipeline)),
)
# The frames of val are the test split, read once, by tools/test.py.
val_dataloader = val_evaluator = val_cfg = None

# as in centerpoint_small_synthetic.py: mmdet3d has each of these keys, so a base of ours cannot have it, too
train_cfg = _base_.short_run.train_cfg
optim_wrapper = _base_.short_run.optim_wrapper
param_scheduler = _base_.short_run.param_scheduler
auto_scale_lr = _base_.short_run.auto_scale_lr
env_cfg, log_processor = _base_.short_run.env_cfg, _base_.short_run.log_processor
default_hooks = _base_.short_run.default_hooks
