"""DOS pretraining of MinkUNet-34 (width 32, voxel 0.05 m, loss voxels 0.2 m) on Waymo's frames, for segmentation.

Command:   bash tools/dist_train.sh configs/dos/dos_minkunet_waymo.py 8
           then tools/export_backbone.py CKPT EXPORTED --for segmentation
Hardware:  8 GPUs, 3 frames each; with fewer, add --auto-scale-lr or accumulate gradients.
Expected:  not run. mmdet3d has no MinkUNet for Waymo: the widths are those of its SemanticKITTI configs.

Data and channels are those of dos_second_waymo.py.
"""

_base_ = ['../_base_/waymo.py', '../_base_/backbones/minkunet.py']

voxel_size = [0.05, 0.05, 0.05]
loss_stride = 4
mask_ratio = 0.7  # for segmentation: docs/method.md, "Views and masks"

_views, _mask, _pack = _base_.pipeline
model = dict(
    **_base_.dos,
    backbone=dict(backbone=dict(in_channels=len(_base_.input_channels)), loss_stride=loss_stride),
    data_preprocessor=dict(voxel_layer=dict(point_cloud_range=_base_.point_cloud_range, voxel_size=voxel_size)),
)
train_dataloader = dict(dataset=dict(pipeline=[_views, {**_mask, 'mask_ratio': mask_ratio}, _pack]))
