"""SemanticKITTI (19 classes): mmdet3d's own data set config, with the names that the children read."""

_base_ = [
    'mmdet3d::_base_/datasets/semantickitti.py',
    './runtime.py',
    './protocols.py',
    '../../ptv3/_base_scales.py',
]

# What the network is fed, in the channels of pretraining.
input_channels = ['x [m]', 'y [m]', 'z [m]', 'intensity 0-1']
num_classes = 19
classes = dict(num_classes=num_classes, ignore_index=num_classes)
ptv3_input = dict(in_channels=len(input_channels), input_scale=_base_.ptv3_scales.lidar_unit)

train_cfg = dict(type='EpochBasedTrainLoop', max_epochs=_base_.max_epochs, val_interval=5)
auto_scale_lr = dict(enable=False, base_batch_size=16)
default_hooks = dict(checkpoint=dict(interval=5))
