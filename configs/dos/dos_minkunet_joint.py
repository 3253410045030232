"""DOS pretraining of mmdet3d's MinkUNet-34 (width 32, voxel 0.05 m, loss voxels 0.2 m) on nuScenes, Waymo and
SemanticKITTI together.

Command:   bash tools/dist_train.sh configs/dos/dos_minkunet_joint.py 8
           then tools/export_backbone.py, and load_from of mmdet3d's minkunet34_w32_spconv_*_semantickitti.py
Data:      nuscenes_root, waymo_root, semantickitti_root, see docs/joint_pretraining.md; with fewer sets:
           --cfg-options members=[nuscenes,semantickitti], other shares: weights=[1,1,1]
Hardware:  8 GPUs, 3 scans each; with fewer, add --auto-scale-lr or accumulate gradients.
Expected:  not run. Settings that the paper does not state: docs/method.md, "Optimisation and schedules".

Grid, channels and mask are those of dos_minkunet_semantickitti.py; single sweeps of every set.
"""

_base_ = ['../_base_/joint.py', '../_base_/backbones/minkunet.py']

point_cloud_range = [-100, -100, -20, 100, 100, 20]
voxel_size = [0.05, 0.05, 0.05]
loss_stride = 4
mask_ratio = 0.7  # for segmentation: docs/method.md, "Views and masks"

_views, _mask, _pack = _base_.pipeline
model = dict(
    **_base_.dos,
    backbone=dict(backbone=dict(in_channels=len(_base_.input_channels)), loss_stride=loss_stride),
    data_preprocessor=dict(voxel_layer=dict(point_cloud_range=point_cloud_range, voxel_size=voxel_size)),
)
train_dataloader = dict(dataset=dict(pipeline=[_views, {**_mask, 'mask_ratio': mask_ratio}, _pack]))
