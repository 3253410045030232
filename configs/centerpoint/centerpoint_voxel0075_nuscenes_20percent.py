"""CenterPoint (voxel 0.075) on nuScenes with 20 % of the labels, from scratch: every fifth key frame, as NOMAE.

Command:   bash tools/dist_train.sh configs/centerpoint/centerpoint_voxel0075_nuscenes_20percent.py 8
Data:      data/nuscenes, converted with `python tools/create_data.py nuscenes --root-path data/nuscenes ...`.
Hardware:  8 GPUs with 4 key frames each (10 sweeps); for another number of GPUs add --auto-scale-lr.
Expected:  not run.

5626 of 28 130 key frames; the sweeps before them, which need no labels, are all read. Neither class-balanced resampling
nor pasted objects, whose database is of all frames. 20 epochs, as with all labels, are 3520 steps instead of 77 000.
"""

_base_ = './centerpoint_voxel0075_nuscenes.py'

load_interval = 5

train_pipeline = [step for step in _base_.train_pipeline if step['type'] != 'ObjectSample']
train_dataloader = dict(
    dataset=dict(
        _delete_=True,
        **{**_base_.train_dataloader.dataset.dataset, 'type': 'EveryNthNuScenesDataset', 'pipeline': train_pipeline},
        load_interval=load_interval,
    )
)
