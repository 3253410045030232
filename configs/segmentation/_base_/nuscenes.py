"""nuScenes lidarseg (16 classes, single key frames): data, metric, runtime. Converted with tools/create_data.py.

Every point of a key frame is classified, wherever it lies, as the challenge asks; older sweeps have no labels and are
not read. Pretraining sees the same with train_dataloader.dataset.num_sweeps=1.
"""

_base_ = ['./runtime.py', './points.py', './tta.py', './protocols.py', '../../ptv3/_base_scales.py']

# What the network is fed, in the channels of pretraining; the time lag of a single sweep is 0.
input_channels = ['x [m]', 'y [m]', 'z [m]', 'intensity 0-255', 'time lag [s]']
num_classes = 16
classes = dict(num_classes=num_classes, ignore_index=num_classes)
ptv3_input = dict(in_channels=len(input_channels), input_scale=_base_.ptv3_scales.lidar_255_lag)
data_root = 'data/nuscenes/'

_load = [
    dict(type='LoadPointsFromFile', coord_type='LIDAR', load_dim=5, use_dim=5),
    # no sweeps: it puts the time lag in place of the ring
    dict(type='LoadPointsFromMultiSweeps', sweeps_num=0, use_dim=[0, 1, 2, 3, 4]),
    dict(type='LoadAnnotations3D', with_bbox_3d=False, with_label_3d=False, with_seg_3d=True, seg_3d_dtype='np.uint8'),
    dict(type='PointSegClassMapping'),
]
train_pipeline = [*_load, *_base_.augment, _base_.pack]
test_pipeline = [*_load, _base_.pack]
tta_pipeline = [*_load, _base_.test_time_aug]

_data = dict(type='NuScenesLidarseg', data_root=data_root)
train_dataloader = dict(
    **_base_.train_loader,
    batch_size=2,
    dataset=dict(**_data, ann_file='nuscenes_infos_train.pkl', pipeline=train_pipeline),
)
test_dataloader = dict(
    **_base_.test_loader,
    dataset=dict(**_data, ann_file='nuscenes_infos_val.pkl', pipeline=test_pipeline, test_mode=True),
)
val_dataloader = test_dataloader
train_cfg = dict(type='EpochBasedTrainLoop', max_epochs=_base_.max_epochs, val_interval=5)
auto_scale_lr = dict(enable=False, base_batch_size=16)
default_hooks = dict(checkpoint=dict(interval=5))
