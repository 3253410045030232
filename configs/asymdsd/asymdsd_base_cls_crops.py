"""AsymDSD, base, CLS only, on objects cut out of LiDAR sweeps, without labels.

Command:   python tools/create_data.py object_crops --info-path data/nuscenes/nuscenes_dbinfos_train.pkl
           python tools/train.py configs/asymdsd/asymdsd_base_cls_crops.py
Hardware:  one GPU.
Expected:  not run.
"""

_base_ = './asymdsd_small_crops.py'

model = dict(_delete_=True, **_base_.asymdsd.base_cls)
train_dataloader = dict(dataset=dict(pipeline=_base_.views.cls))
