"""Pretraining on KITTI's object data: every sweep of training/ and testing/ but those of ImageSets/val.txt."""

_base_ = './pretraining.py'

data_root = 'data/kitti/'
leave_out = ['val']  # lists of frames that are not drawn: val is what results are reported on
max_iters = 23400  # 50 passes over 11 230 sweeps in batches of 24
input_channels = ['x [m]', 'y [m]', 'z [m]', 'intensity 0-1']

train_dataloader = dict(
    dataset=dict(type='KittiSweeps', data_root=data_root, leave_out=leave_out, pipeline=_base_.pipeline)
)
train_cfg = dict(max_iters=max_iters)
param_scheduler = [{**_base_.param_scheduler[0], 'total_steps': max_iters}]
