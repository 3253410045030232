"""DOS pretraining of MinkUNet-34 (width 32, voxel 0.1 m, loss voxels 0.2 m, single sweeps) on real nuScenes.

Command:   bash tools/dist_train.sh configs/dos/dos_minkunet_nuscenes.py 8
Hardware:  8 GPUs, 3 scans each; with fewer, add --auto-scale-lr or accumulate gradients.
Expected:  not run. mmdet3d has no MinkUNet for nuScenes: the widths are those of its SemanticKITTI configs.
"""

_base_ = ['../_base_/nuscenes.py', '../_base_/backbones/minkunet.py']

voxel_size = [0.1, 0.1, 0.1]
loss_stride = 2
mask_ratio = 0.7  # for segmentation: docs/method.md, "Views and masks"

_views, _mask, _pack = _base_.pipeline
model = dict(
    **_base_.dos,
    backbone=dict(backbone=dict(in_channels=len(_base_.input_channels)), loss_stride=loss_stride),
    data_preprocessor=dict(voxel_layer=dict(point_cloud_range=_base_.point_cloud_range, voxel_size=voxel_size)),
)
train_dataloader = dict(dataset=dict(num_sweeps=1, pipeline=[_views, {**_mask, 'mask_ratio': mask_ratio}, _pack]))
