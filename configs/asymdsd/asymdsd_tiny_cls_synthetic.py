"""AsymDSD, tiny, CLS only, on the scanned embedded objects, without labels.

Command:   python tools/train.py configs/asymdsd/asymdsd_tiny_cls_synthetic.py
Hardware:  one CPU core.
Expected:  as asymdsd_tiny_synthetic.py, 26.8 and 32.9 %.
"""

_base_ = './asymdsd_tiny_synthetic.py'

model = dict(_delete_=True, **_base_.asymdsd.tiny_cls)
train_dataloader = dict(dataset=dict(pipeline=_base_.views.cls))
