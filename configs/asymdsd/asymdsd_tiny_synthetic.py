"""AsymDSD, tiny, on the scanned embedded objects, without labels.

Command:   python tools/create_synthetic.py --format objects
           python tools/train.py configs/asymdsd/asymdsd_tiny_synthetic.py
           whole shapes instead of scans: --cfg-options sets="['clean']"
Hardware:  one CPU core.
Expected:  50 objects of each class, seeds 0 to 2, test split: a linear SVM (C = 1, chosen C) reaches 26.6 and 35.4 %,
           on a random encoder 17.4 and 28.5 %, on shape descriptors 31.0 and 33.5 %; 500 steps in 7 minutes of a core.
"""

_base_ = './_base_pretraining.py'

data_root = 'data/synthetic_objects/'
sets = ['pb_t50_rs']
splits = ['train']
batch_size = 32
max_iters = 500
learning_rate = 5e-4
warmup_iters = max(max_iters // 5, 1)

# half as many masks of each form, smaller crops
_sizes = dict(
    whole=dict(points=512, patches=32, points_per_patch=24), local=dict(points=128, patches=8, points_per_patch=24)
)
views = {
    form: [{**step, **{part: {**step[part], **_sizes[part]} for part in _sizes if part in step}}]
    for form, (step,) in _base_.views.items()
}
for _form in ('dual', 'mpm'):
    views[_form][0]['masks'] = {**views[_form][0]['masks'], 'number': _base_.views[_form][0]['masks']['number'] // 2}
model = _base_.asymdsd.tiny
train_dataloader = dict(
    batch_size=batch_size,
    num_workers=1,
    dataset=dict(type='ObjectClouds', data_root=data_root, sets=sets, splits=splits, pipeline=views['dual']),
)
train_cfg = dict(max_iters=max_iters)
optim_wrapper = dict(optimizer=dict(lr=learning_rate))
param_scheduler = [
    {**_base_.param_scheduler[0], 'start_factor': 1e-7 / learning_rate, 'end': warmup_iters + 1},
    {**_base_.param_scheduler[1], 'begin': warmup_iters, 'end': max_iters, 'T_max': max_iters - warmup_iters},
]
custom_hooks = [
    dict(type='DOSHook', momentum=(0.99, 1.0)),
    dict(type='CollapseMonitorHook', interval=10, warmup_iters=warmup_iters),
]
env_cfg = dict(dist_cfg=dict(backend='gloo'))
default_hooks = dict(logger=dict(interval=10), checkpoint=dict(interval=100, max_keep_ckpts=2))
