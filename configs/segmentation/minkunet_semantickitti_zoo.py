"""MinkUNet (width 16, voxel 0.1 m, LaserMix and PolarMix) on SemanticKITTI from the weights that ship.

Command:   bash tools/dist_train.sh configs/segmentation/minkunet_semantickitti_zoo.py 8
           (from scratch, with the same input: --cfg-options load_from=None custom_hooks=[])
Hardware:  8 GPUs, 2 scans each; half precision: --amp.
Expected:  not run.

mmdet3d's own config but for width, voxels and intensities, which are ranks, as in configs/zoo/zoo_minkunet.py.
"""

_base_ = ['./minkunet_semantickitti.py', '../minkunet/_base_sizes.py']
load_from = 'weights/minkunet.pth'
custom_hooks = [dict(type='ProbeHeadHook')]  # the best of eight recipes: docs/diary.md
input_channels = ['x [m]', 'y [m]', 'z [m]', 'intensity 0-255']
voxel_size = [0.1, 0.1, 0.1]

_ranks = dict(type='IntensityRanks')
*_train, _pack = _base_.train_pipeline  # behind the mixing: both scans are of one sensor
train_pipeline = [*_train, _ranks, _pack]
test_pipeline = [_base_.test_pipeline[0], _ranks, *_base_.test_pipeline[1:]]
tta_pipeline = [_base_.tta_pipeline[0], _ranks, *_base_.tta_pipeline[1:]]
model = dict(
    data_preprocessor=dict(voxel_layer=dict(voxel_size=voxel_size)),
    backbone=dict(**{**_base_.minkunet.w16_10, 'in_channels': len(input_channels)}, _delete_=True),
    decode_head=dict(channels=_base_.minkunet.w16_10.decoder_channels[-1]),
)
train_dataloader = dict(dataset=dict(pipeline=train_pipeline))
test_dataloader = dict(dataset=dict(pipeline=test_pipeline))
val_dataloader = test_dataloader
