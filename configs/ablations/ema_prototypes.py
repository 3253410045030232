"""Option: the teacher has prototypes of its own, a moving average (dos.md A7).

Command:   python tools/train.py configs/ablations/ema_prototypes.py
Hardware:  2 CPU cores, no GPU.
Expected:  not run yet.
"""

_base_ = ['zipf_1p3.py']

model = dict(head=dict(teacher_prototypes='ema'))
