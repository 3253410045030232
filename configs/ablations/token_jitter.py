"""Ladder row 2: row 1, and the mask tokens are moved by noise, so that they no longer draw the hidden surface.

Command:   python tools/train.py configs/ablations/token_jitter.py
Hardware:  2 CPU cores, no GPU.
Expected:  docs/results/ladder_test.json: 300 steps, three seeds.
"""

_base_ = ['naive.py']

_views, _mask, _tokens, _pack = _base_.train_dataloader.dataset.pipeline

# half an edge of an input voxel, as in Sonata (0.01 m of 0.02 m)
jitter_std_m = _base_.voxel_size[0] / 2
train_dataloader = dict(dataset=dict(pipeline=[_views, _mask, dict(_tokens, jitter_std_m=jitter_std_m), _pack]))
