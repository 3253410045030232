"""Ladder row 1: masked self-distillation. The student is given mask tokens at hidden places and answers there, too.

Command:   python tools/train.py configs/ablations/naive.py
Hardware:  2 CPU cores, no GPU.
Expected:  docs/results/ladder_test.json: 300 steps, three seeds.
"""

_base_ = ['clustering.py']

_views, _mask, _pack = _base_.train_dataloader.dataset.pipeline

model = dict(
    student_input=dict(type='MaskTokens', num_columns=len(_base_.input_channels)),
    terms=dict(type='HiddenAndVisible'),
)
train_dataloader = dict(dataset=dict(pipeline=[_views, _mask, dict(type='MaskTokenSites'), _pack]))
