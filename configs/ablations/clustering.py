"""Ladder row 3: observable points only, per-point clustering with balanced Sinkhorn (SwAV, Sonata).

Command:   python tools/train.py configs/ablations/clustering.py
Hardware:  2 CPU cores, no GPU.
Expected:  docs/results/ladder_test.json: 300 steps, three seeds.
"""

_base_ = ['base.py']

model = dict(
    head=dict(_delete_=True, type='ClusteringHead', n_iters=_base_.model.head.n_iters, **_base_.prototypes),
)
