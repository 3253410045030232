"""Pretraining on the outdoor sets together: frames, and how each sensor's intensity comes to 0-1 (docs/method.md,
A22, A23).

Columns after x, y, z and intensity are dropped; a child may ask for one, which is zero where a sensor lacks it.
"""

_base_ = './pretraining.py'

input_channels = ['x [m]', 'y [m]', 'z [m]', 'intensity 0-1']
data_root = 'data'  # of all sets, unless one has another root
nuscenes_root = f'{data_root}/nuscenes/'
waymo_root = f'{data_root}/waymo/kitti_format/'
semantickitti_root = f'{data_root}/semantickitti/'
semantickitti_sequences = [0, 1, 2, 3, 4, 5, 6, 7, 9, 10]  # the training split; 08 is validation
max_iters = 85560  # 10 passes over 205 341 frames in batches of 24
members = ['nuscenes', 'waymo', 'semantickitti']  # those to draw from
weights = None  # shares of their draws, in the same order; None: by frame count

joint = dict(
    type='JointSweeps',
    members=dict(
        # 28 130 key frames
        nuscenes=dict(
            dataset=dict(
                type='NuScenesSweeps', data_root=nuscenes_root, ann_file='nuscenes_infos_train.pkl', num_sweeps=1
            ),
            intensity=255,
            extra_channels=['time lag [s]'],
        ),
        # 158 081 frames; WaymoSweeps itself squashes intensities by tanh, as they have outliers of 1e4
        waymo=dict(dataset=dict(type='WaymoSweeps', data_root=waymo_root), intensity='unit'),
        # 19 130 scans
        semantickitti=dict(
            dataset=dict(type='SemanticKittiSweeps', data_root=semantickitti_root, sequences=semantickitti_sequences),
            intensity='unit',
        ),
    ),
    use=members,
    weights=None if weights is None else dict(zip(members, weights, strict=True)),
)
train_dataloader = dict(dataset=dict(**joint, pipeline=_base_.pipeline))
custom_hooks = [*_base_.custom_hooks, dict(type='MemberSharesHook')]
train_cfg = dict(max_iters=max_iters)
param_scheduler = [{**_base_.param_scheduler[0], 'total_steps': max_iters}]
