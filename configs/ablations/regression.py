"""Ladder row 4: observable points only, regression of the teacher's features; no prototypes.

Command:   python tools/train.py configs/ablations/regression.py
Hardware:  2 CPU cores, no GPU.
Expected:  docs/results/ladder_test.json: 300 steps, three seeds.
"""

_base_ = ['base.py']

model = dict(
    head=dict(
        _delete_=True,
        type='RegressionHead',
        channels=_base_.model.projector.out_channels,
        hidden_channels=_base_.model.projector.hidden_channels,
    ),
)
