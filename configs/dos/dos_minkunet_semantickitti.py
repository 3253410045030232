"""DOS pretraining of mmdet3d's MinkUNet-34 (width 32, voxel 0.05 m, loss voxels 0.2 m) on SemanticKITTI's sweeps.

Command:   bash tools/dist_train.sh configs/dos/dos_minkunet_semantickitti.py 8
           then tools/export_backbone.py, and load_from of mmdet3d's minkunet34_w32_spconv_*_semantickitti.py
Hardware:  8 GPUs, 3 scans each; with fewer, add --auto-scale-lr or accumulate gradients.
Expected:  not run. Settings that the paper does not state: docs/method.md, "Optimisation and schedules".

Data:      data/semantickitti/sequences/XX/velodyne, see docs/data/semantickitti.md; labels are not read.
           with fewer: --cfg-options sequences=[0,1]; 11 to 21, the test split, may be added.
"""

_base_ = ['../_base_/semantickitti.py', '../_base_/backbones/minkunet.py']

point_cloud_range = [-100, -100, -20, 100, 100, 20]
voxel_size = [0.05, 0.05, 0.05]
loss_stride = 4

model = dict(
    **_base_.dos,
    backbone=dict(backbone=dict(in_channels=len(_base_.input_channels)), loss_stride=loss_stride),
    data_preprocessor=dict(voxel_layer=dict(point_cloud_range=point_cloud_range, voxel_size=voxel_size)),
)
