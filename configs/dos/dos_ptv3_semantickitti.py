"""DOS pretraining of Point Transformer V3 (39 M, grid 0.05 m, loss voxels 0.2 m) on SemanticKITTI's sweeps.

Command:   bash tools/dist_train.sh configs/dos/dos_ptv3_semantickitti.py 8
           then tools/export_backbone.py CKPT EXPORTED --for segmentation, for configs/segmentation/ptv3_*
Hardware:  8 GPUs, 3 scans each; with fewer, add --auto-scale-lr or accumulate gradients.
Expected:  not run.

Data, range and mask are those of dos_minkunet_semantickitti.py.
"""

_base_ = ['../_base_/semantickitti.py', '../_base_/backbones/ptv3.py']

point_cloud_range = [-100, -100, -20, 100, 100, 20]

_columns = len(_base_.input_channels)
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
