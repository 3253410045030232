"""Ladder row 6: softmaps with uniform Sinkhorn.

Command:   python tools/train.py configs/ablations/softmap_uniform.py
Hardware:  2 CPU cores, no GPU.
Expected:  docs/results/ladder_test.json: 300 steps, three seeds.
"""

_base_ = ['base.py']

model = dict(head=dict(alpha=0.0))
