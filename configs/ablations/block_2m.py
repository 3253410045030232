"""Option: mask blocks of 2 m.

Command:   python tools/train.py configs/ablations/block_2m.py
Hardware:  2 CPU cores, no GPU.
Expected:  27.6 mIoU with 300 steps, one seed (docs/results/ladder_test.json).
"""

_base_ = ['zipf_1p3.py']

_views, _mask, _pack = _base_.train_dataloader.dataset.pipeline
train_dataloader = dict(dataset=dict(pipeline=[_views, dict(_mask, block_size_m=2.0), _pack]))
