"""DOS pretraining of the small CenterPoint's sparse encoder on the embedded KITTI, 360 degrees.

Command:   python tools/train.py configs/dos/dos_second_synthetic_kitti.py
           then tools/export_backbone.py and configs/centerpoint/centerpoint_small_kitti_dos.py
Data:      tools/create_synthetic.py --format kitti; real sweeps: --cfg-options data_root=data/kitti/
Hardware:  2 CPU cores, no GPU.
Expected:  not run.

All but the data is that of dos_second_synthetic.py: encoder, voxels, range, schedule.
"""

_base_ = 'dos_second_synthetic.py'

data_root = 'data/synthetic_kitti/'
leave_out = ['val']
input_channels = ['x [m]', 'y [m]', 'z [m]', 'intensity 0-1']

model = dict(
    backbone=dict(
        voxel_encoder=dict(num_features=len(input_channels)), middle_encoder=dict(in_channels=len(input_channels))
    )
)
train_dataloader = dict(
    dataset=dict(
        _delete_=True,
        type='KittiSweeps',
        data_root=data_root,
        leave_out=leave_out,
        pipeline=_base_.train_dataloader.dataset.pipeline,
    )
)
