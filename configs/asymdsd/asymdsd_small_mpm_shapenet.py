"""AsymDSD, small, MPM only, on ShapeNetCore, without labels.

Command:   python tools/create_data.py shapenet
           python tools/train.py configs/asymdsd/asymdsd_small_mpm_shapenet.py
Hardware:  one GPU.
Expected:  not run.
"""

_base_ = './asymdsd_small_shapenet.py'

model = dict(_delete_=True, **_base_.asymdsd.small_mpm)
train_dataloader = dict(dataset=dict(pipeline=_base_.views.mpm))
