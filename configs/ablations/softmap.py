"""Ladder row 5: softmaps over points, the teacher's as they are, without Sinkhorn.

Command:   python tools/train.py configs/ablations/softmap.py
Hardware:  2 CPU cores, no GPU.
Expected:  docs/results/ladder_test.json: 300 steps, three seeds.
"""

_base_ = ['base.py']

model = dict(head=dict(_delete_=True, type='SoftmapHead', **_base_.prototypes))
