"""Small CenterPoint on KITTI from the weights that ship: intensities as ranks, and a time lag of 0.

Command:   python tools/train.py configs/centerpoint/centerpoint_small_kitti_zoo.py
           (from scratch, with the same input: --cfg-options load_from=None)
Hardware:  2 CPU cores, no GPU.
Expected:  not run.

The encoder was pretrained on whole turns around the car; here it sees what the camera does.
"""

_base_ = './centerpoint_small_kitti.py'
load_from = 'weights/second_small.pth'

input_channels = ['x [m]', 'y [m]', 'z [m]', 'intensity 0-255', 'time lag [s]']
_columns = len(input_channels)
model = dict(pts_voxel_encoder=dict(num_features=_columns), pts_middle_encoder=dict(in_channels=_columns))

_as_fed = [dict(type='IntensityRanks'), dict(type='ZeroTimeLag')]  # as in pretraining
_load, *_augment = _base_.train_pipeline
train_pipeline = [_load, *_as_fed, *_augment]
test_pipeline = [_base_.test_pipeline[0], *_as_fed, *_base_.test_pipeline[1:]]
train_dataloader = dict(dataset=dict(dataset=dict(pipeline=train_pipeline)))
test_dataloader = dict(dataset=dict(pipeline=test_pipeline))
