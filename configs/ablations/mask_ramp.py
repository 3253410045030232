"""Option: ratio and block size of the mask grow over the first 5 % (Sonata; docs/method.md, A13).

Command:   python tools/train.py configs/ablations/mask_ramp.py
Hardware:  2 CPU cores, no GPU.
Expected:  27.6 mIoU with 300 steps, one seed (docs/results/ladder_test.json).
"""

_base_ = ['zipf_1p3.py']

_views, _mask, _pack = _base_.train_dataloader.dataset.pipeline

# the first 5 % of the draws of one process; multiply by the number of ranks
ramp_draws = max(round(0.05 * _base_.max_iters * _base_.batch_size), 1)
# Sonata starts at 3/7 of the ratio and at a quarter of the block that it ends with
_ramp = dict(ramp_draws=ramp_draws, start_ratio=_mask.mask_ratio * 3 / 7, start_block_size_m=_mask.block_size_m / 4)
train_dataloader = dict(dataset=dict(pipeline=[_views, dict(_mask, type='RampedBlockMask', **_ramp), _pack]))
