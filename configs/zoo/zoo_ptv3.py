"""Weights for Point Transformer V3 (3 M, grid 0.1 m, five columns), for segmentors and for CenterPoint over it.

Command:   python tools/create_data.py zoo_world --out-dir data/zoo_world --scenes 2000
           OMP_NUM_THREADS=1 python tools/train.py configs/zoo/zoo_ptv3.py
           then tools/build_zoo.py and configs/segmentation/ptv3_finetune_nuscenes_zoo.py
Hardware:  1 CPU core.
Expected:  docs/model_zoo.md
"""

_base_ = ['_base_world.py', '../_base_/backbones/ptv3.py']

voxel_size = [0.1, 0.1, 0.1]
max_points = 24576  # of a view: nearly all of a single sweep of 32 beams
learning_rate = 1e-3
weight_decay = 0.04

_columns = len(_base_.input_channels)
model = dict(
    **_base_.dos,
    backbone=dict(
        voxel_encoder=dict(num_features=_columns),
        ptv3={
            **_base_.ptv3.zoo,
            '_delete_': True,
            'in_channels': _columns,
            'input_scale': _base_.ptv3_scales.lidar_255_lag,
        },
    ),
    data_preprocessor=dict(voxel_layer=dict(point_cloud_range=_base_.point_cloud_range, voxel_size=voxel_size)),
)
_recent, _views, *_mask_and_pack = _base_.train_dataloader.dataset.pipeline
train_dataloader = dict(dataset=dict(pipeline=[_recent, {**_views, 'max_points': max_points}, *_mask_and_pack]))
# of a transformer, those of the paper's schedule (configs/_base_/pretraining.py)
optim_wrapper = dict(optimizer=dict(lr=learning_rate, weight_decay=weight_decay))
param_scheduler = [{**_base_.param_scheduler[0], 'eta_max': learning_rate}]
