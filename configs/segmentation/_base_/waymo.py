"""Waymo's 3D semantic segmentation (22 classes, the labelled frames): data, metric, runtime. Converted with
tools/create_data.py waymo.

All five lidars and both returns are fed, as in pretraining; the points of TOP are labelled, and they alone count in
loss and metric.
"""

_base_ = ['mmdet3d::_base_/default_runtime.py', './tta.py', './protocols.py']
custom_imports = dict(imports=['dos_mm3d'], allow_failed_imports=False)

# What the network is fed, in the channels of pretraining.
input_channels = ['x [m]', 'y [m]', 'z [m]', 'tanh(intensity)', 'elongation']
ptv3_input_scale = [1 / 50, 1 / 50, 1 / 5, 1.0, 1.0]
num_classes = 22
data_root = 'data/waymo/kitti_format/'

_load = [
    dict(type='LoadPointsFromFile', coord_type='LIDAR', load_dim=6, use_dim=5, norm_intensity=True),
    dict(type='LoadAnnotations3D', with_bbox_3d=False, with_label_3d=False, with_seg_3d=True, seg_3d_dtype='np.uint8'),
    dict(type='PointSegClassMapping'),
]
train_pipeline = [
    *_load,
    dict(
        type='GlobalRotScaleTrans',
        rot_range=[-3.1416, 3.1416],
        scale_ratio_range=[0.9, 1.1],
        translation_std=[0, 0, 0],
    ),
    dict(type='RandomFlip3D', sync_2d=False, flip_ratio_bev_horizontal=0.5, flip_ratio_bev_vertical=0.5),
    dict(type='RandomJitterPoints', jitter_std=[0.005, 0.005, 0.005], clip_range=[-0.02, 0.02]),
    dict(type='Pack3DDetInputs', keys=['points', 'pts_semantic_mask']),
]
test_pipeline = [*_load, dict(type='Pack3DDetInputs', keys=['points', 'pts_semantic_mask'])]
tta_pipeline = [*_load, _base_.test_time_aug]

train_dataloader = dict(
    batch_size=2,
    num_workers=4,
    persistent_workers=True,
    sampler=dict(type='DefaultSampler', shuffle=True),
    dataset=dict(
        type='WaymoSeg',
        data_root=data_root,
        ann_file='waymo_infos_train.pkl',
        pipeline=train_pipeline,
    ),
)
test_dataloader = dict(
    batch_size=1,
    num_workers=1,
    persistent_workers=True,
    drop_last=False,
    sampler=dict(type='DefaultSampler', shuffle=False),
    dataset=dict(
        type='WaymoSeg',
        data_root=data_root,
        ann_file='waymo_infos_val.pkl',
        pipeline=test_pipeline,
        test_mode=True,
    ),
)
test_evaluator = dict(type='SegMetric')
test_cfg = dict(type='TestLoop')
val_dataloader = test_dataloader
val_evaluator = test_evaluator
val_cfg = dict(type='ValLoop')
train_cfg = dict(type='EpochBasedTrainLoop', max_epochs=_base_.max_epochs, val_interval=5)
auto_scale_lr = dict(enable=False, base_batch_size=16)
randomness = dict(seed=0)
default_hooks = dict(checkpoint=dict(interval=5, max_keep_ckpts=2), data_wait=dict(type='DataWaitHook'))
