"""Pretraining on ScanNet: whole scans of the training split with colours and normals, for segmentation."""

_base_ = './pretraining.py'

data_root = 'data/scannet/'
splits = ['train']  # val is what results are reported on
max_iters = 10000  # 200 passes over 1201 scans in batches of 24
input_channels = [
    'x [m]', 'y [m]', 'z [m]', 'red 0-1', 'green 0-1', 'blue 0-1', 'normal x', 'normal y', 'normal z'
]  # fmt: skip
# a scan's middle is at x = y = 0, its lowest point at z = 0: holds rooms 28 m across, however they are turned
point_cloud_range = [-20.48, -20.48, -2.56, 20.48, 20.48, 7.68]
mask_ratio = 0.7  # for segmentation: docs/method.md, "Views and masks"
block_size_m = 0.4

pipeline = [
    dict(
        type='TwoViews',
        crop_share=(0.4, 1.0),
        max_points=65536,
        jitter_std_m=0.005,
        jitter_clip_m=0.02,
        intensity_column=None,
        normal_columns=(6, 7, 8),
        elastic=((0.2, 0.4), (0.8, 1.6)),
        colour=dict(columns=(3, 4, 5)),
    ),
    dict(type='BlockMask', mask_ratio=mask_ratio, block_size_m=block_size_m),
    dict(type='PackViews'),
]
train_dataloader = dict(dataset=dict(type='ScanNetScans', data_root=data_root, splits=splits, pipeline=pipeline))
optim_wrapper = dict(clip_grad=dict(max_norm=3.0))
train_cfg = dict(max_iters=max_iters)
param_scheduler = [{**_base_.param_scheduler[0], 'total_steps': max_iters}]
