"""Ladder row 6: softmaps with uniform Sinkhorn.

Command:   python tools/train.py configs/ablations/softmap_uniform.py
Hardware:  2 CPU cores, no GPU.
Expected:  not run yet.
"""

_base_ = ['base.py']

model = dict(head=dict(alpha=0.0))
