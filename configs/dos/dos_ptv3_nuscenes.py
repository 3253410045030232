"""DOS pretraining of Point Transformer V3 (39 M, grid 0.05 m, loss voxels 0.2 m, 10 sweeps) on real nuScenes.

Command:   bash tools/dist_train.sh configs/dos/dos_ptv3_nuscenes.py 8
           with flash-attn installed: model.backbone.ptv3.block.attention=flash_attn
           less memory, more time: model.backbone.ptv3.recompute_blocks=True
Hardware:  8 GPUs, 3 scans each; with fewer, add --auto-scale-lr or accumulate gradients.
Expected:  not run. Settings that the paper does not state: docs/method.md, "Backbone and head".
"""

_base_ = ['../_base_/nuscenes.py', '../_base_/backbones/ptv3.py']

_columns = len(_base_.input_channels)
model = dict(
    **_base_.dos,
    backbone=dict(
        voxel_encoder=dict(num_features=_columns),
        ptv3=dict(in_channels=_columns, input_scale=_base_.ptv3_scales.lidar_255_lag),
    ),
    data_preprocessor=dict(voxel_layer=dict(point_cloud_range=_base_.point_cloud_range)),
)
