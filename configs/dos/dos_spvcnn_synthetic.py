"""DOS pretraining of a tiny SPVCNN on the embedded data set, without labels.

Command:   python tools/train.py configs/dos/dos_spvcnn_synthetic.py
Hardware:  2 CPU cores, no GPU.
Expected:  not run.

Widths and voxels are those of dos_minkunet_synthetic.py; no dropout, as the teacher is in training mode.
"""

_base_ = 'dos_minkunet_synthetic.py'

model = dict(backbone=dict(type='SPVCNNAdapter', backbone=dict(type='SPVCNN', drop_ratio=0.0)))
