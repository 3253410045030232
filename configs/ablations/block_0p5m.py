"""Option: mask blocks of 0.5 m; in whole loss voxels of 0.4 m that is 0.4 m.

Command:   python tools/train.py configs/ablations/block_0p5m.py
Hardware:  2 CPU cores, no GPU.
Expected:  28.6 mIoU with 300 steps, one seed (docs/results/ladder_test.json).
"""

_base_ = ['zipf_1p3.py']

_views, _mask, _pack = _base_.train_dataloader.dataset.pipeline
train_dataloader = dict(dataset=dict(pipeline=[_views, dict(_mask, block_size_m=0.5), _pack]))
