"""Waymo's 3D semantic segmentation (22 classes, the labelled frames): data, metric, runtime. Converted with
tools/create_data.py waymo.

All five lidars and both returns are fed, as in pretraining; the points of TOP are labelled, and they alone count in
loss and metric.
"""

_base_ = './nuscenes.py'

# What the network is fed, in the channels of pretraining.
input_channels = ['x [m]', 'y [m]', 'z [m]', 'tanh(intensity)', 'elongation']
num_classes = 22
classes = dict(num_classes=num_classes, ignore_index=num_classes)
ptv3_input = dict(in_channels=len(input_channels), input_scale=_base_.ptv3_scales.lidar_unit_elongation)
data_root = 'data/waymo/kitti_format/'

_load = [
    dict(type='LoadPointsFromFile', coord_type='LIDAR', load_dim=6, use_dim=5, norm_intensity=True),
    *_base_.train_pipeline[2:4],  # labels and their mapping
]
train_pipeline = [*_load, *_base_.train_pipeline[4:]]
test_pipeline = [*_load, _base_.test_pipeline[-1]]
tta_pipeline = [*_load, _base_.tta_pipeline[-1]]

train_dataloader = dict(
    dataset=dict(type='WaymoSeg', data_root=data_root, ann_file='waymo_infos_train.pkl', pipeline=train_pipeline)
)
test_dataloader = dict(
    dataset=dict(type='WaymoSeg', data_root=data_root, ann_file='waymo_infos_val.pkl', pipeline=test_pipeline)
)
val_dataloader = test_dataloader
