"""MinkUNet-34 (width 32, voxel 0.1 m) on nuScenes lidarseg, from scratch or from DOS weights.

Command:   bash tools/dist_train.sh configs/segmentation/minkunet_nuscenes.py 8
           (from DOS weights: --cfg-options load_from=EXPORTED, made with configs/dos/dos_minkunet_nuscenes.py)
Hardware:  8 GPUs, 2 key frames each; with fewer, add --auto-scale-lr.
Expected:  not run. mmdet3d has no MinkUNet for nuScenes: the widths are those of its SemanticKITTI configs.
"""

_base_ = ['_base_/nuscenes.py', '_base_/minkunet.py']

voxel_size = [0.1, 0.1, 0.1]

model = dict(
    data_preprocessor=dict(voxel_layer=dict(voxel_size=voxel_size)),
    backbone=dict(in_channels=len(_base_.input_channels)),
    decode_head=_base_.classes,
)
optim_wrapper = dict(**_base_.decoder_probe.optim_wrapper, clip_grad=dict(max_norm=10))
param_scheduler = _base_.decoder_probe.param_scheduler
