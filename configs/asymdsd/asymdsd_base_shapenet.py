"""AsymDSD, base, on ShapeNetCore, without labels.

Command:   python tools/create_data.py shapenet
           python tools/train.py configs/asymdsd/asymdsd_base_shapenet.py
Hardware:  one GPU.
Expected:  not run.
"""

_base_ = './asymdsd_small_shapenet.py'

model = dict(_delete_=True, **_base_.asymdsd.base)
