"""AsymDSD pretraining: views, optimiser, schedules, hooks. A config adds a model of _base_sizes.py and a data set.

All as in the public code (docs/objects.md), with masks of MPM as in the paper's ablation.
"""

_base_ = ['./_base_sizes.py', '../_base_/pretraining_runtime.py']

batch_size = 128
max_iters = 122700  # 300 passes over ShapeNet's 52 470 objects
learning_rate = 5e-4
warmup_iters = max(max_iters // 30, 1)  # 10 passes

_whole = dict(number=2, points=1024, patches=64, points_per_patch=32, share=(0.4, 1.0))
_local = dict(number=4, points=256, patches=16, points_per_patch=32, share=(0.05, 0.4))
_masks = dict(number=4, mask_ratio=0.7, block_ratio=0.1, adjust_ratio=0.1)
# pipelines by the form of the model
views = dict(
    dual=[dict(type='DrawObjectCrops', whole=_whole, local=_local, masks=_masks)],
    mpm=[dict(type='DrawObjectCrops', whole={**_whole, 'number': 1}, masks={**_masks, 'number': 8, 'mask_ratio': 0.8})],
    cls=[dict(type='DrawObjectCrops', whole=_whole, local=_local)],
)
train_dataloader = dict(batch_size=batch_size)
train_cfg = dict(max_iters=max_iters)
optim_wrapper = dict(
    type='BFloat16OptimWrapper',
    optimizer=dict(type='AdamW', lr=learning_rate, betas=(0.9, 0.999), weight_decay=0.05, fused=True),
    clip_grad=dict(max_norm=10.0, norm_type=2),
)
param_scheduler = [
    dict(type='LinearLR', start_factor=1e-7 / learning_rate, by_epoch=False, end=warmup_iters + 1),
    dict(
        type='CosineAnnealingLR',
        eta_min=1e-6,
        by_epoch=False,
        begin=warmup_iters,
        end=max_iters,
        T_max=max_iters - warmup_iters,
    ),
]
custom_hooks = [
    dict(type='DOSHook', momentum=(0.995, 1.0)),
    # until the temperatures are those of the rest of the run, targets may be nearly uniform
    dict(type='CollapseMonitorHook', interval=10, warmup_iters=warmup_iters),
]
auto_scale_lr = dict(base_batch_size=128)
