"""DOS pretraining of mmdet3d's MinkUNet-34 (width 32, voxel 0.02 m, loss voxels 0.08 m) on ScanNet's scans.

Command:   bash tools/dist_train.sh configs/dos/dos_minkunet_scannet.py 8
           then tools/export_backbone.py, for configs/segmentation/minkunet_scannet.py and minkunet_scannet200.py
Hardware:  8 GPUs, 3 scans each; with fewer, add --auto-scale-lr or accumulate gradients.
Expected:  not run. Settings that the paper does not state: docs/method.md, "Optimisation and schedules".

Data:      data/scannet, see docs/data/scannet.md; labels are not read.
"""

_base_ = ['../_base_/scannet.py', '../_base_/backbones/minkunet.py']

voxel_size = [0.02, 0.02, 0.02]
loss_stride = 4

model = dict(
    **_base_.dos,
    backbone=dict(backbone=dict(in_channels=len(_base_.input_channels)), loss_stride=loss_stride),
    data_preprocessor=dict(voxel_layer=dict(point_cloud_range=_base_.point_cloud_range, voxel_size=voxel_size)),
)
