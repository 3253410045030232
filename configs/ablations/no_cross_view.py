"""Option: same-view term only, with the whole weight.

Command:   python tools/train.py configs/ablations/no_cross_view.py
Hardware:  2 CPU cores, no GPU.
Expected:  not run yet.
"""

_base_ = ['zipf_1p3.py']

model = dict(terms=dict(type='SameView'))
