"""MinkUNet-34 (width 32, voxel 0.02 m) on ScanNet200, from scratch or from DOS weights.

Command:   bash tools/dist_train.sh configs/segmentation/minkunet_scannet200.py 8
           (from DOS weights: --cfg-options load_from=EXPORTED, made with configs/dos/dos_minkunet_scannet.py)
Hardware:  8 GPUs, 3 scans each; with fewer, add --auto-scale-lr.
Expected:  not run. mmdet3d has no MinkUNet for ScanNet: the widths are those of its SemanticKITTI configs.
"""

_base_ = ['_base_/scannet200.py', '_base_/minkunet.py']

voxel_size = [0.02, 0.02, 0.02]

model = dict(
    data_preprocessor=dict(max_voxels=150000, voxel_layer=dict(voxel_size=voxel_size)),
    backbone=dict(in_channels=len(_base_.input_channels)),
    decode_head=_base_.classes,
)
optim_wrapper = dict(**_base_.decoder_probe.optim_wrapper, clip_grad=dict(max_norm=10))
param_scheduler = _base_.decoder_probe.param_scheduler
