"""Pretraining on Waymo: all frames of the training split, both returns of all five lidars."""

_base_ = './pretraining.py'

data_root = 'data/waymo/kitti_format/'
max_iters = 65900  # 10 passes over 158 081 frames in batches of 24: neighbours are 0.1 s apart
input_channels = ['x [m]', 'y [m]', 'z [m]', 'tanh(intensity)', 'elongation']
point_cloud_range = [-75.2, -75.2, -2.0, 75.2, 75.2, 4.0]

train_dataloader = dict(
    dataset=dict(type='WaymoSweeps', data_root=data_root, splits=['training'], pipeline=_base_.pipeline)
)
train_cfg = dict(max_iters=max_iters)
param_scheduler = [{**_base_.param_scheduler[0], 'total_steps': max_iters}]
