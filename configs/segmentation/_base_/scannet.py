"""ScanNet (20 classes, whole scans): data, metric, runtime. Converted with tools/create_data.py.

mmdet3d's ScanNetSegDataset; its own config draws patches of 8192 points, without normals, for networks that take no
more. Every point of a scan is classified.
"""

_base_ = ['mmdet3d::_base_/default_runtime.py', './tta.py', './protocols_indoor.py']
custom_imports = dict(imports=['dos_mm3d'], allow_failed_imports=False)

# What the network is fed, in the channels of pretraining.
input_channels = [
    'x [m]', 'y [m]', 'z [m]', 'red 0-1', 'green 0-1', 'blue 0-1', 'normal x', 'normal y', 'normal z'
]  # fmt: skip
# as mmdet3d spells them
class_names = (
    'wall', 'floor', 'cabinet', 'bed', 'chair', 'sofa', 'table', 'door', 'window', 'bookshelf', 'picture', 'counter',
    'desk', 'curtain', 'refrigerator', 'showercurtrain', 'toilet', 'sink', 'bathtub', 'otherfurniture',
)  # fmt: skip
num_classes = 20
data_root = 'data/scannet/'

_load = [
    dict(type='LoadPointsFromFile', coord_type='DEPTH', use_color=True, load_dim=6, use_dim=[0, 1, 2, 3, 4, 5]),
    dict(type='LoadScanNormals'),
    dict(type='LoadAnnotations3D', with_bbox_3d=False, with_label_3d=False, with_seg_3d=True),
    dict(type='PointSegClassMapping'),
    dict(type='NormalizePointsColor', color_mean=None),
    dict(type='CentreScan'),
]
train_pipeline = [
    *_load,
    dict(type='ColourJitter'),
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

_data = dict(
    type='ScanNetSegDataset',
    data_root=data_root,
    metainfo=dict(classes=class_names),
    data_prefix=dict(pts='points', pts_instance_mask='instance_mask', pts_semantic_mask='semantic_mask'),
    ignore_index=num_classes,
)
train_dataloader = dict(
    batch_size=3,
    num_workers=4,
    persistent_workers=True,
    sampler=dict(type='DefaultSampler', shuffle=True),
    dataset=dict(
        **_data,
        ann_file='scannet_infos_train.pkl',
        scene_idxs='seg_info/train_scene_idxs.npy',  # each scan once; the class wants to be told
        pipeline=train_pipeline,
    ),
)
test_dataloader = dict(
    batch_size=1,
    num_workers=1,
    persistent_workers=True,
    drop_last=False,
    sampler=dict(type='DefaultSampler', shuffle=False),
    dataset=dict(**_data, ann_file='scannet_infos_val.pkl', pipeline=test_pipeline, test_mode=True),
)
test_evaluator = dict(type='SegMetric')
test_cfg = dict(type='TestLoop')
val_dataloader = test_dataloader
val_evaluator = test_evaluator
val_cfg = dict(type='ValLoop')
train_cfg = dict(type='EpochBasedTrainLoop', max_epochs=_base_.max_epochs, val_interval=20)
auto_scale_lr = dict(enable=False, base_batch_size=24)
randomness = dict(seed=0)
default_hooks = dict(checkpoint=dict(interval=20, max_keep_ckpts=2), data_wait=dict(type='DataWaitHook'))
