"""Ladder row 8: softmaps with Zipf-Sinkhorn, alpha 1.3, the value of the paper.

Command:   python tools/train.py configs/ablations/zipf_1p3.py
Hardware:  2 CPU cores, no GPU.
Expected:  docs/results/ladder_test.json: 300 steps, three seeds.
"""

_base_ = ['base.py']

model = dict(head=dict(alpha=1.3))
