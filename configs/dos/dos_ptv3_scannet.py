"""DOS pretraining of Point Transformer V3 (39 M, grid 0.02 m, loss voxels 0.08 m) on ScanNet's scans.

Command:   bash tools/dist_train.sh configs/dos/dos_ptv3_scannet.py 8
           then tools/export_backbone.py CKPT EXPORTED --for segmentation, for configs/segmentation/ptv3_*_scannet.py
           and ptv3_*_scannet200.py
Hardware:  8 GPUs, 3 scans each; with fewer, add --auto-scale-lr or accumulate gradients.
Expected:  not run.

Data, range and mask are those of dos_minkunet_scannet.py.
"""

_base_ = ['../_base_/scannet.py', '../_base_/backbones/ptv3.py']

voxel_size = [0.02, 0.02, 0.02]

_columns = len(_base_.input_channels)
model = dict(
    **_base_.dos,
    backbone=dict(
        voxel_encoder=dict(num_features=_columns),
        ptv3=dict(in_channels=_columns, input_scale=_base_.ptv3_scales.indoor),
    ),
    data_preprocessor=dict(
        voxel_type='hard',
        voxel_layer=dict(point_cloud_range=_base_.point_cloud_range, voxel_size=voxel_size, max_voxels=(-1, -1)),
    ),
)
