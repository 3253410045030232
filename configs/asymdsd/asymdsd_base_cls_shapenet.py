"""AsymDSD, base, CLS only, on ShapeNetCore, without labels.

Command:   python tools/create_data.py shapenet
           python tools/train.py configs/asymdsd/asymdsd_base_cls_shapenet.py
Hardware:  one GPU.
Expected:  not run.
"""

_base_ = './asymdsd_small_shapenet.py'

model = dict(_delete_=True, **_base_.asymdsd.base_cls)
train_dataloader = dict(dataset=dict(pipeline=_base_.views.cls))
