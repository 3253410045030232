"""SemanticKITTI (19 classes): mmdet3d's own data set config, with the names that the children read."""

_base_ = ['mmdet3d::_base_/datasets/semantickitti.py', 'mmdet3d::_base_/default_runtime.py', './protocols.py']
custom_imports = dict(imports=['dos_mm3d'], allow_failed_imports=False)

# What the network is fed, in the channels of pretraining.
input_channels = ['x [m]', 'y [m]', 'z [m]', 'intensity 0-1']
ptv3_input_scale = [1 / 50, 1 / 50, 1 / 5, 1.0]
num_classes = 19

test_cfg = dict(type='TestLoop')
val_cfg = dict(type='ValLoop')
train_cfg = dict(type='EpochBasedTrainLoop', max_epochs=_base_.max_epochs, val_interval=5)
auto_scale_lr = dict(enable=False, base_batch_size=16)
randomness = dict(seed=0)
default_hooks = dict(checkpoint=dict(interval=5, max_keep_ckpts=2), data_wait=dict(type='DataWaitHook'))
