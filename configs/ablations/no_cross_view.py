"""Option: same-view term only, with the whole weight.

Command:   python tools/train.py configs/ablations/no_cross_view.py
Hardware:  2 CPU cores, no GPU.
Expected:  27.4 mIoU with 300 steps, one seed (docs/results/ladder_test.json).
"""

_base_ = ['zipf_1p3.py']

model = dict(terms=dict(type='SameView'))
