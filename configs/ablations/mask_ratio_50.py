"""Option: half of the occupied blocks are hidden.

Command:   python tools/train.py configs/ablations/mask_ratio_50.py
Hardware:  2 CPU cores, no GPU.
Expected:  28.3 mIoU with 300 steps, one seed (docs/results/ladder_test.json).
"""

_base_ = ['zipf_1p3.py']

_views, _mask, _pack = _base_.train_dataloader.dataset.pipeline
train_dataloader = dict(dataset=dict(pipeline=[_views, dict(_mask, mask_ratio=0.5), _pack]))
