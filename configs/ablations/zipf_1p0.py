"""Ladder row 7: softmaps with Zipf-Sinkhorn, alpha 1.0.

Command:   python tools/train.py configs/ablations/zipf_1p0.py
Hardware:  2 CPU cores, no GPU.
Expected:  not run yet.
"""

_base_ = ['base.py']

model = dict(head=dict(alpha=1.0))
