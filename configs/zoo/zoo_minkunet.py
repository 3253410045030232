"""Weights for mmdet3d's MinkUNet (width 16, one block a stage, voxels of 0.1 m, single sweeps, four columns).

Command:   python tools/create_data.py zoo_world --out-dir data/zoo_world --scenes 2000
           OMP_NUM_THREADS=1 python tools/train.py configs/zoo/zoo_minkunet.py
           then tools/build_zoo.py and configs/segmentation/minkunet_nuscenes_zoo.py or minkunet_semantickitti_zoo.py
Hardware:  1 CPU core.
Expected:  docs/model_zoo.md

Four columns, so that one file serves nuScenes and SemanticKITTI: the time lag of a single sweep is 0 anyway.
"""

_base_ = ['_base_world.py', '../_base_/backbones/minkunet.py']

max_lag_s = [0.0]
input_channels = ['x [m]', 'y [m]', 'z [m]', 'intensity 0-255']
voxel_size = [0.1, 0.1, 0.1]
loss_stride = 4
mask_ratio = 0.7  # for segmentation: docs/method.md, "Views and masks"

_mask, _pack = _base_.mask_and_pack
model = dict(
    **_base_.dos,
    backbone=dict(backbone={**_base_.minkunet.w16_10, 'in_channels': len(input_channels)}, loss_stride=loss_stride),
    data_preprocessor=dict(voxel_layer=dict(point_cloud_range=_base_.point_cloud_range, voxel_size=voxel_size)),
)
train_dataloader = dict(
    dataset=dict(
        pipeline=[
            {**_base_.recent, 'max_lag_s': max_lag_s, 'keep_column': False},
            _base_.views,
            {**_mask, 'mask_ratio': mask_ratio},
            _pack,
        ]
    )
)
