"""DOS pretraining of the small CenterPoint's sparse encoder on the embedded Waymo, for cross_domain.

Command:   python tools/train.py configs/dos/dos_second_synthetic_waymo.py
Data:      tools/create_synthetic.py --format waymo --train-scenes 10, then tools/create_data.py waymo
           --root-path data/synthetic_waymo; with fewer scenes: --cfg-options segments=[0,1]
Hardware:  2 CPU cores, no GPU.
Expected:  2000 steps: not run. With 300 steps, 2 minutes: linear probe 20.2 +- 1.0 mIoU over three seeds, random
           initialisation 14.8 (docs/results/cross_domain_*_test.json).

All but the data is that of dos_second_synthetic.py, encoder, voxels, schedule; Waymo's z counts from the road, not from
the sensor, hence the other range.
"""

_base_ = 'dos_second_synthetic.py'

data_root = 'data/synthetic_waymo/'
# of the training segments those that the probes' fixed cut (datasets/splits.py) leaves for pretraining
segments = [0, 1, 5, 8, 9]
input_channels = ['x [m]', 'y [m]', 'z [m]', 'tanh(intensity)', 'elongation']
point_cloud_range = [-51.2, -51.2, -3.0, 51.2, 51.2, 5.0]

model = dict(data_preprocessor=dict(voxel_layer=dict(point_cloud_range=point_cloud_range)))
train_dataloader = dict(
    dataset=dict(
        _delete_=True,
        type='WaymoSweeps',
        data_root=data_root,
        segments=segments,
        pipeline=_base_.train_dataloader.dataset.pipeline,
    )
)
