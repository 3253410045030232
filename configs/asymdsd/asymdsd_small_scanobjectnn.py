"""AsymDSD, small, on ScanObjectNN's three variants, without labels.

Command:   python tools/create_data.py scanobjectnn
           python tools/train.py configs/asymdsd/asymdsd_small_scanobjectnn.py
Hardware:  one GPU of 32 GB (the authors: 25.6 GB in half precision).
Expected:  not run; as many steps as on ShapeNet, which is 980 passes over 16 034 objects.
"""

_base_ = './_base_pretraining.py'

data_root = 'data/scanobjectnn/'
sets = ['obj_only', 'obj_bg', 'pb_t50_rs']
splits = ['train']

model = _base_.asymdsd.small
train_dataloader = dict(
    dataset=dict(type='ObjectClouds', data_root=data_root, sets=sets, splits=splits, pipeline=_base_.views['dual'])
)
