"""CenterPoint for two CPU cores and a few minutes: half the widths of mmdet3d's nuScenes model, 400 steps.

Tables to pick from: mmengine does not let two bases of a config have the same key.
"""

max_iters = 400
batch_size = 2
max_learning_rate = 2e-3
# mmdet3d's 0.01 is for 20 epochs: after 400 steps the running statistics would still lag behind the weights
_bn = dict(momentum=0.1)
small_encoder = dict(norm_cfg=dict(type='BN1d', eps=1e-3, **_bn))
small_backbone = dict(out_channels=[64, 128], norm_cfg=_bn)
small_neck = dict(in_channels=[64, 128], out_channels=[128, 128], norm_cfg=_bn)
small_head = dict(in_channels=256, share_conv_channel=32, separate_head=dict(type='BiasedSeparateHead', head_conv=32))
# a short run is not sure of itself: AP is taken over all thresholds, so keep what it finds
found = dict(score_threshold=0.02)

randomness = dict(seed=0)
short_run = dict(
    train_cfg=dict(_delete_=True, type='IterBasedTrainLoop', max_iters=max_iters),
    optim_wrapper=dict(optimizer=dict(lr=max_learning_rate)),
    param_scheduler=[
        dict(type='OneCycleLR', eta_max=max_learning_rate, total_steps=max_iters, pct_start=0.3, by_epoch=False)
    ],
    auto_scale_lr=dict(enable=False, base_batch_size=batch_size),
    env_cfg=dict(dist_cfg=dict(backend='gloo')),
    default_hooks=dict(
        logger=dict(interval=10),
        checkpoint=dict(by_epoch=False, interval=max_iters, max_keep_ckpts=1, save_optimizer=False),
        data_wait=dict(type='DataWaitHook'),
    ),
    log_processor=dict(by_epoch=False),
)
