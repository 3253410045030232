"""DOS pretraining of Point Transformer V3 (39 M, grid 0.05 m, loss voxels 0.2 m) on Waymo's frames.

Command:   bash tools/dist_train.sh configs/dos/dos_ptv3_waymo.py 8
           then tools/export_backbone.py and configs/centerpoint/centerpoint_ptv3_waymo_dos.py
           for segmentation: --cfg-options mask_ratio=0.7, then tools/export_backbone.py CKPT OUT --for segmentation
Hardware:  8 GPUs, 3 frames each; with fewer, add --auto-scale-lr or accumulate gradients.
Expected:  not run. Settings that the paper does not state: docs/method.md, "Backbone and head".

Data, range and channels are those of dos_second_waymo.py.
"""

_base_ = ['../_base_/waymo.py', '../_base_/backbones/ptv3.py']

_columns = len(_base_.input_channels)
model = dict(
    **_base_.dos,
    backbone=dict(
        voxel_encoder=dict(num_features=_columns),
        ptv3=dict(in_channels=_columns, input_scale=_base_.ptv3_scales.lidar_unit_elongation),
    ),
    data_preprocessor=dict(voxel_layer=dict(point_cloud_range=_base_.point_cloud_range)),
)
