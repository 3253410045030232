"""What every pretraining has, DOS and AsymDSD: a stream of samples, a loop that goes on by position, checkpoints, logs.

A child adds the model, the data set, `batch_size` and `max_iters`, the optimiser and its schedule, and the hooks.
"""

_base_ = 'mmdet3d::_base_/default_runtime.py'
custom_imports = dict(imports=['dos_mm3d'], allow_failed_imports=False)

train_dataloader = dict(num_workers=6, persistent_workers=True, sampler=dict(type='StreamSampler'))
val_dataloader = val_evaluator = val_cfg = None
test_dataloader = test_evaluator = test_cfg = None
train_cfg = dict(type='StreamTrainLoop')
auto_scale_lr = dict(enable=False)
default_hooks = dict(
    checkpoint=dict(by_epoch=False, interval=2000, max_keep_ckpts=3), data_wait=dict(type='DataWaitHook')
)
log_processor = dict(by_epoch=False)
randomness = dict(seed=0)
vis_backends = [dict(type='LocalVisBackend')]
# no name: mmengine keeps one visualizer of a name, and a second run in one process would log to the first one's folder
visualizer = dict(type='Det3DLocalVisualizer', vis_backends=vis_backends)
