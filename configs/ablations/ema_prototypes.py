"""Option: the teacher has prototypes of its own, a moving average (docs/method.md, A7).

Command:   python tools/train.py configs/ablations/ema_prototypes.py
Hardware:  2 CPU cores, no GPU.
Expected:  27.7 mIoU with 300 steps, one seed (docs/results/ladder_test.json).
"""

_base_ = ['zipf_1p3.py']

model = dict(head=dict(teacher_prototypes='ema'))
