"""AsymDSD, tiny, MPM only, on the scanned embedded objects, without labels.

Command:   python tools/train.py configs/asymdsd/asymdsd_tiny_mpm_synthetic.py
Hardware:  one CPU core.
Expected:  as asymdsd_tiny_synthetic.py, 19.5 and 33.4 %.
"""

_base_ = './asymdsd_tiny_synthetic.py'

model = dict(_delete_=True, **_base_.asymdsd.tiny_mpm)
train_dataloader = dict(dataset=dict(pipeline=_base_.views.mpm))
