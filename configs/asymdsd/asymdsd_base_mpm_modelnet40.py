"""AsymDSD, base, MPM only, on ModelNet40, without labels.

Command:   python tools/create_data.py modelnet40
           python tools/train.py configs/asymdsd/asymdsd_base_mpm_modelnet40.py
Hardware:  one GPU.
Expected:  not run.
"""

_base_ = './asymdsd_small_modelnet40.py'

model = dict(_delete_=True, **_base_.asymdsd.base_mpm)
train_dataloader = dict(dataset=dict(pipeline=_base_.views.mpm))
