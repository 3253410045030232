"""DOS pretraining of CenterPoint's sparse encoder (voxel 0.1 x 0.1 x 0.15 m) on Waymo's frames, full size.

Command:   bash tools/dist_train.sh configs/dos/dos_second_waymo.py 8
           then tools/export_backbone.py and configs/centerpoint/centerpoint_voxel01_waymo_dos.py
Data:      data/waymo/kitti_format/training/velodyne, see docs/data/waymo.md; infos and labels are not read.
Hardware:  8 GPUs, 3 frames each; with fewer, add --auto-scale-lr or accumulate gradients.
Expected:  not run. Settings that the paper does not state: docs/method.md, "Optimisation and schedules".

Range, grid and channels are those of centerpoint_voxel01_waymo.py.
"""

_base_ = 'dos_second_nuscenes.py'

data_root = 'data/waymo/kitti_format/'
input_channels = ['x [m]', 'y [m]', 'z [m]', 'tanh(intensity)', 'elongation']
point_cloud_range = [-75.2, -75.2, -2.0, 75.2, 75.2, 4.0]
voxel_size = [0.1, 0.1, 0.15]
max_iters = 65900  # 10 passes over 158 081 frames in batches of 24: neighbours are 0.1 s apart

_grid_size = [round((point_cloud_range[axis + 3] - point_cloud_range[axis]) / voxel_size[axis]) for axis in range(3)]
model = dict(
    backbone=dict(middle_encoder=dict(sparse_shape=[_grid_size[2] + 1, _grid_size[1], _grid_size[0]])),
    data_preprocessor=dict(voxel_layer=dict(point_cloud_range=point_cloud_range, voxel_size=voxel_size)),
)
train_dataloader = dict(
    dataset=dict(
        _delete_=True,
        type='WaymoSweeps',
        data_root=data_root,
        splits=['training'],
        pipeline=_base_.train_dataloader.dataset.pipeline,
    )
)
train_cfg = dict(max_iters=max_iters)
param_scheduler = [{**_base_.param_scheduler[0], 'total_steps': max_iters}]
