"""DOS pretraining at full size: method, views, loader, schedule and runtime. The data sets beside this file add their
sweeps, and a config puts one of those and a backbone together.

What the paper does not state follows docs/method.md; weight decay is constant.

mmengine evaluates every file by itself, and two bases may not have the same key: the lines that join a data set's
columns and grid to a backbone stand in each config of that backbone.
"""

_base_ = './pretraining_runtime.py'

max_iters = 58600
batch_size = 3
learning_rate = 1e-3
warmup_share = 0.05
embedding_channels = 256
mask_ratio = 0.6
block_size_m = 1.0

# of the model, beside a backbone and its voxels
dos = dict(
    projector=dict(type='Projector', hidden_channels=2048, out_channels=embedding_channels),
    head=dict(
        type='ZipfSinkhornHead',
        channels=embedding_channels,
        num_prototypes=1024,
        alpha=1.3,
        n_iters=3,
        student_temperature=0.1,
        teacher_temperature=(0.04, 0.07),
        warmup_share=warmup_share,
        scope='batch',
    ),
)
sync_bn = 'torch'
pipeline = [
    dict(
        type='TwoViews',
        crop_share=(0.4, 1.0),
        max_points=200000,
        shift_z_std_m=0.1,
        drop_share=(0.0, 0.3),
        intensity_scale=(0.8, 1.2),
    ),
    dict(type='BlockMask', mask_ratio=mask_ratio, block_size_m=block_size_m),
    dict(type='PackViews'),
]
train_dataloader = dict(batch_size=batch_size)
train_cfg = dict(max_iters=max_iters)
optim_wrapper = dict(
    type='BFloat16OptimWrapper',
    optimizer=dict(type='AdamW', lr=learning_rate, weight_decay=0.04, fused=True),  # a quarter of the time
    clip_grad=dict(max_norm=1.0, norm_type=2),
)
param_scheduler = [
    dict(
        type='OneCycleLR',
        eta_max=learning_rate,
        total_steps=max_iters,
        pct_start=warmup_share,
        div_factor=10,
        final_div_factor=100,
        by_epoch=False,
    )
]
custom_hooks = [dict(type='DOSHook', momentum=(0.994, 1.0)), dict(type='CollapseMonitorHook', interval=10)]
auto_scale_lr = dict(base_batch_size=24)
# images of the visualizer, two of them every so many iterations
default_hooks = dict(pictures=dict(type='FeaturePictureHook', interval=2000))
