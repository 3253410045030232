"""AsymDSD, small, on ModelNet40, without labels.

Command:   python tools/create_data.py modelnet40
           python tools/train.py configs/asymdsd/asymdsd_small_modelnet40.py
Hardware:  one GPU of 32 GB (the authors: 25.6 GB in half precision).
Expected:  not run; as many steps as on ShapeNet, which is 1596 passes over 9843 objects.
"""

_base_ = './_base_pretraining.py'

data_root = 'data/modelnet40/'
splits = ['train']

model = _base_.asymdsd.small
train_dataloader = dict(
    dataset=dict(type='ObjectClouds', data_root=data_root, splits=splits, pipeline=_base_.views['dual'])
)
