"""MinkUNet (width 16, voxel 0.1 m) on the embedded data set with few labels, from the weights that ship.

Command:   python tools/train.py configs/segmentation/minkunet_synthetic_zoo.py
           (from scratch, with the same input: --cfg-options load_from=None custom_hooks=[])
Hardware:  1 CPU core.
Expected:  the command itself: not run. By run_protocol.py label_efficiency, 10 of 110 scenes labelled, 400 steps of
           batch 1, validation scenes: 32.2 +- 0.8 mIoU, from scratch 27.4 +- 1.2
           (docs/results/label_efficiency_zoo_recipes_synthetic_validation.json); 1600 steps, test scenes: 39.8 +- 0.7,
           from scratch 39.0 +- 1.4 (docs/results/label_efficiency_zoo_1600_steps_synthetic_test.json).

Steps and labels are those of minkunet_small_synthetic.py, columns and network those of minkunet_nuscenes_zoo.py.
"""

_base_ = './minkunet_small_synthetic.py'
load_from = 'weights/minkunet.pth'
custom_hooks = [dict(type='ProbeHeadHook')]  # the best of eight recipes: docs/diary.md
input_channels = ['x [m]', 'y [m]', 'z [m]', 'intensity 0-255']
voxel_size = [0.1, 0.1, 0.1]

_load = [{**_base_.train_pipeline[0], 'use_dim': 4}, dict(type='IntensityRanks')]
train_pipeline = [*_load, *_base_.train_pipeline[2:]]
test_pipeline = [*_load, *_base_.test_pipeline[2:]]
tta_pipeline = [*_load, *_base_.tta_pipeline[2:]]
model = dict(
    data_preprocessor=dict(voxel_layer=dict(voxel_size=voxel_size)),
    backbone=dict(**{**_base_.minkunet.w16_10, 'in_channels': len(input_channels)}, _delete_=True),
    decode_head=dict(channels=_base_.minkunet.w16_10.decoder_channels[-1]),
)
train_dataloader = dict(dataset=dict(pipeline=train_pipeline))
test_dataloader = dict(dataset=dict(pipeline=test_pipeline))
