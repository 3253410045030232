"""AsymDSD, small, on ShapeNetCore, without labels.

Command:   python tools/create_data.py shapenet
           python tools/train.py configs/asymdsd/asymdsd_small_shapenet.py
Hardware:  one GPU of 32 GB (the authors: 25.6 GB in half precision).
Expected:  not run.
"""

_base_ = './_base_pretraining.py'

data_root = 'data/shapenet/'
splits = ['train']

model = _base_.asymdsd.small
train_dataloader = dict(
    dataset=dict(type='ObjectClouds', data_root=data_root, splits=splits, pipeline=_base_.views['dual'])
)
