"""CenterPoint on nuScenes from the weights of joint pretraining, in whose channels it is fed: intensities from 0 to 1.

Command:   python tools/export_backbone.py PRETRAINING_CHECKPOINT work_dirs/dos_second_joint/backbone.pth
           bash tools/dist_train.sh configs/centerpoint/centerpoint_voxel01_nuscenes_joint.py 8
           (weights elsewhere: --cfg-options load_from=PATH; from scratch: load_from=None)
Hardware:  8 GPUs with 4 key frames each.
Expected:  not run.
"""

_base_ = './centerpoint_voxel01_nuscenes.py'

load_from = 'work_dirs/dos_second_joint/backbone.pth'
input_channels = ['x [m]', 'y [m]', 'z [m]', 'intensity 0-1', 'time lag [s]']

_unit = dict(type='UnitIntensity', intensity=255)  # as in configs/_base_/joint.py
_train, _test = _base_.train_pipeline, _base_.test_pipeline
_pasted = [step.type for step in _train].index('ObjectSample') + 1  # pasted objects come with intensities 0-255, too
train_pipeline = [*_train[:_pasted], _unit, *_train[_pasted:]]
test_pipeline = [*_test[:2], _unit, *_test[2:]]
train_dataloader = dict(dataset=dict(dataset=dict(pipeline=train_pipeline)))
test_dataloader = dict(dataset=dict(pipeline=test_pipeline))
val_dataloader = dict(dataset=dict(pipeline=test_pipeline))
