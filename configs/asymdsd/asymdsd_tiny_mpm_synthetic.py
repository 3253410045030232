"""AsymDSD, tiny, MPM only, on the scanned embedded objects, without labels.

Command:   python tools/train.py configs/asymdsd/asymdsd_tiny_mpm_synthetic.py
Hardware:  one CPU core.
Expected:  in the one run that was made (seed 0) the targets were uniform after 200 of 500 steps, which the monitor
           names: settings with which this form learns at this size are not known.
"""

_base_ = './asymdsd_tiny_synthetic.py'

model = dict(_delete_=True, **_base_.asymdsd.tiny_mpm)
train_dataloader = dict(dataset=dict(pipeline=_base_.views.mpm))
