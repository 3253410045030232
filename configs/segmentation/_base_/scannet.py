"""ScanNet (20 classes, whole scans): data, metric, runtime. Converted with tools/create_data.py.

mmdet3d's ScanNetSegDataset; its own config draws patches of 8192 points, without normals, for networks that take no
more. Every point of a scan is classified.
"""

_base_ = ['./runtime.py', './points.py', './tta.py', './protocols_indoor.py', '../../ptv3/_base_scales.py']

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
classes = dict(num_classes=num_classes, ignore_index=num_classes)
ptv3_input = dict(in_channels=len(input_channels), input_scale=_base_.ptv3_scales.indoor)
data_root = 'data/scannet/'

_load = [
    dict(type='LoadPointsFromFile', coord_type='DEPTH', use_color=True, load_dim=6, use_dim=[0, 1, 2, 3, 4, 5]),
    dict(type='LoadScanNormals'),
    dict(type='LoadAnnotations3D', with_bbox_3d=False, with_label_3d=False, with_seg_3d=True),
    dict(type='PointSegClassMapping'),
    dict(type='NormalizePointsColor', color_mean=None),
    dict(type='CentreScan'),
]
train_pipeline = [*_load, dict(type='ColourJitter'), *_base_.augment, _base_.pack]
test_pipeline = [*_load, _base_.pack]
tta_pipeline = [*_load, _base_.test_time_aug]

_data = dict(
    type='ScanNetSegDataset',
    data_root=data_root,
    metainfo=dict(classes=class_names),
    data_prefix=dict(pts='points', pts_instance_mask='instance_mask', pts_semantic_mask='semantic_mask'),
    ignore_index=num_classes,
)
train_dataloader = dict(
    **_base_.train_loader,
    batch_size=3,
    dataset=dict(
        **_data,
        ann_file='scannet_infos_train.pkl',
        scene_idxs='seg_info/train_scene_idxs.npy',  # each scan once; the class wants to be told
        pipeline=train_pipeline,
    ),
)
test_dataloader = dict(
    **_base_.test_loader,
    dataset=dict(**_data, ann_file='scannet_infos_val.pkl', pipeline=test_pipeline, test_mode=True),
)
val_dataloader = test_dataloader
train_cfg = dict(type='EpochBasedTrainLoop', max_epochs=_base_.max_epochs, val_interval=20)
auto_scale_lr = dict(enable=False, base_batch_size=24)
default_hooks = dict(checkpoint=dict(interval=20))
