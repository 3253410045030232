"""AsymDSD, small, CLS only, on ScanObjectNN's three variants, without labels.

Command:   python tools/create_data.py scanobjectnn
           python tools/train.py configs/asymdsd/asymdsd_small_cls_scanobjectnn.py
Hardware:  one GPU.
Expected:  not run.
"""

_base_ = './asymdsd_small_scanobjectnn.py'

model = dict(_delete_=True, **_base_.asymdsd.small_cls)
train_dataloader = dict(dataset=dict(pipeline=_base_.views.cls))
