"""DOS pretraining of Point Transformer V3 (39 M, grid 0.05 m, loss voxels 0.2 m) on nuScenes, Waymo and SemanticKITTI
together.

Command:   bash tools/dist_train.sh configs/dos/dos_ptv3_joint.py 8
           then tools/export_backbone.py CKPT EXPORTED --for segmentation, for ptv3_*_semantickitti.py of segmentation/
Data:      as dos_minkunet_joint.py.
Hardware:  8 GPUs, 3 scans each; with fewer, add --auto-scale-lr or accumulate gradients.
Expected:  not run.

Model, grid, channels and mask are those of dos_ptv3_semantickitti.py; single sweeps of every set.
"""

_base_ = ['../_base_/joint.py', '../_base_/backbones/ptv3.py']

point_cloud_range = [-100, -100, -20, 100, 100, 20]
mask_ratio = 0.7  # for segmentation: docs/method.md, "Views and masks"

_columns = len(_base_.input_channels)
_views, _mask, _pack = _base_.pipeline
model = dict(
    **_base_.dos,
    backbone=dict(
        voxel_encoder=dict(num_features=_columns),
        ptv3=dict(in_channels=_columns, input_scale=_base_.ptv3_scales.lidar_unit),
    ),
    data_preprocessor=dict(
        voxel_type='hard', voxel_layer=dict(point_cloud_range=point_cloud_range, max_voxels=(-1, -1))
    ),
)
train_dataloader = dict(dataset=dict(pipeline=[_views, {**_mask, 'mask_ratio': mask_ratio}, _pack]))
