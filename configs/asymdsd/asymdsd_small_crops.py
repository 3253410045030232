"""AsymDSD, small, on objects cut out of LiDAR sweeps, without labels.

Command:   python tools/create_data.py object_crops --info-path data/nuscenes/nuscenes_dbinfos_train.pkl
           python tools/train.py configs/asymdsd/asymdsd_small_crops.py
Hardware:  one GPU of 32 GB (the authors: 25.6 GB in half precision).
Expected:  not run.
"""

_base_ = './_base_pretraining.py'

data_root = 'data/object_crops/'
splits = ['train']
least_points = 32

# crops of few points; where the box holds fewer still, some stand there several times
_sizes = dict(
    whole=dict(points=256, patches=32, points_per_patch=16, min_points=least_points),
    local=dict(points=64, patches=8, points_per_patch=16, min_points=16),
)
views = {
    form: [{**step, **{part: {**step[part], **_sizes[part]} for part in _sizes if part in step}}]
    for form, (step,) in _base_.views.items()
}
model = _base_.asymdsd.small
train_dataloader = dict(
    dataset=dict(
        type='ObjectClouds',
        data_root=data_root,
        splits=splits,
        least_points=least_points,
        pipeline=views['dual'],
    )
)
