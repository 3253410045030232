"""MinkUNet (width 16, voxel 0.1 m) on nuScenes lidarseg from the weights that ship.

Command:   bash tools/dist_train.sh configs/segmentation/minkunet_nuscenes_zoo.py 8
           (from scratch, with the same input: --cfg-options load_from=None custom_hooks=[])
Hardware:  8 GPUs, 2 key frames each; with fewer, add --auto-scale-lr.
Expected:  not run.

Four columns of single sweeps, intensities as ranks, as in configs/zoo/zoo_minkunet.py.
"""

_base_ = './minkunet_nuscenes.py'
load_from = 'weights/minkunet.pth'
custom_hooks = [dict(type='ProbeHeadHook')]  # the best of eight recipes: docs/diary.md
input_channels = ['x [m]', 'y [m]', 'z [m]', 'intensity 0-255']

_load = [{**_base_.train_pipeline[0], 'use_dim': 4}, dict(type='IntensityRanks')]
# without LoadPointsFromMultiSweeps, which is there for the time lag
train_pipeline = [*_load, *_base_.train_pipeline[2:]]
test_pipeline = [*_load, *_base_.test_pipeline[2:]]
tta_pipeline = [*_load, *_base_.tta_pipeline[2:]]
model = dict(
    backbone=dict(**{**_base_.minkunet.w16_10, 'in_channels': len(input_channels)}, _delete_=True),
    decode_head=dict(channels=_base_.minkunet.w16_10.decoder_channels[-1]),
)
train_dataloader = dict(dataset=dict(pipeline=train_pipeline))
test_dataloader = dict(dataset=dict(pipeline=test_pipeline))
val_dataloader = test_dataloader
