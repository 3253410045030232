"""Ladder row 9: softmaps with Zipf-Sinkhorn, alpha 1.6.

Command:   python tools/train.py configs/ablations/zipf_1p6.py
Hardware:  2 CPU cores, no GPU.
Expected:  docs/results/ladder_test.json: 300 steps, three seeds.
"""

_base_ = ['base.py']

model = dict(head=dict(alpha=1.6))
