"""Pretraining on nuScenes: key frames of the training split with the nine sweeps before them."""

_base_ = './pretraining.py'

data_root = 'data/nuscenes/'
num_sweeps = 10
max_iters = 58600  # 50 passes over 28 130 key frames in batches of 24
input_channels = ['x [m]', 'y [m]', 'z [m]', 'intensity 0-255', 'time lag [s]']
point_cloud_range = [-51.2, -51.2, -5.0, 51.2, 51.2, 3.0]

train_dataloader = dict(
    dataset=dict(
        type='NuScenesSweeps',
        data_root=data_root,
        ann_file='nuscenes_infos_train.pkl',
        num_sweeps=num_sweeps,
        pipeline=_base_.pipeline,
    )
)
train_cfg = dict(max_iters=max_iters)
param_scheduler = [{**_base_.param_scheduler[0], 'total_steps': max_iters}]
