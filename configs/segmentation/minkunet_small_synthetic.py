"""Small MinkUNet (mmdet3d's own class) on the embedded data set with few labels, from scratch or from DOS weights.

Command:   python tools/train.py configs/segmentation/minkunet_small_synthetic.py
           python tools/test.py configs/segmentation/minkunet_small_synthetic.py CHECKPOINT
           (from DOS weights: --cfg-options load_from=EXPORTED, made with configs/dos/dos_minkunet_synthetic.py)
Hardware:  2 CPU cores, no GPU.
Expected:  3 minutes on one core. With 600 steps, from 4 labelled scenes: 38.4 +- 3.0 mIoU from scratch, 39.9 +- 2.2
           from DOS weights (docs/results/label_efficiency_synthetic_test.json).
"""

_base_ = ['_base_/synthetic.py', '_base_/minkunet.py']

voxel_size = [0.2, 0.2, 0.2]
max_iters = 800  # 200 from 4 labelled scenes: 25 instead of 39 mIoU on validation scenes, rare classes not learnt
max_learning_rate = 4e-3

model = dict(
    data_preprocessor=dict(voxel_layer=dict(voxel_size=voxel_size)),
    backbone={**_base_.minkunet.tiny, 'in_channels': len(_base_.input_channels)},
    decode_head=dict(channels=_base_.minkunet.tiny.decoder_channels[-1], **_base_.classes),
)
train_dataloader = dict(sampler=dict(type='InfiniteSampler', shuffle=True))
train_cfg = dict(_delete_=True, type='IterBasedTrainLoop', max_iters=max_iters)
optim_wrapper = dict(
    type='OptimWrapper',
    optimizer=dict(type='AdamW', lr=max_learning_rate, weight_decay=0.01),
    clip_grad=dict(max_norm=10),
)
param_scheduler = [
    dict(type='OneCycleLR', eta_max=max_learning_rate, total_steps=max_iters, pct_start=0.1, by_epoch=False)
]
default_hooks = dict(checkpoint=dict(by_epoch=False, interval=max_iters, save_optimizer=False))
log_processor = dict(by_epoch=False)
