"""AsymDSD, small, CLS only, on ModelNet40, without labels.

Command:   python tools/create_data.py modelnet40
           python tools/train.py configs/asymdsd/asymdsd_small_cls_modelnet40.py
Hardware:  one GPU.
Expected:  not run.
"""

_base_ = './asymdsd_small_modelnet40.py'

model = dict(_delete_=True, **_base_.asymdsd.small_cls)
train_dataloader = dict(dataset=dict(pipeline=_base_.views.cls))
