"""Ladder row 12, beyond the paper: the Zipf exponent is estimated while training
from the teacher's own use of the prototypes.

Command:   python tools/train.py configs/ablations/zipf_auto.py
Hardware:  2 CPU cores, no GPU.
Expected:  docs/results/ladder_test.json: 300 steps, three seeds.
"""

_base_ = ['base.py']

model = dict(head=dict(alpha='auto'))
