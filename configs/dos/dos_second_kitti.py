"""DOS pretraining of CenterPoint's sparse encoder (voxel 0.1 m, loss voxels 0.2 m) on KITTI's sweeps, 360 degrees.

Command:   bash tools/dist_train.sh configs/dos/dos_second_kitti.py 8
           then tools/export_backbone.py and configs/centerpoint/centerpoint_voxel01_kitti_dos.py
Data:      data/kitti/{training,testing}/velodyne, see docs/data/kitti.md; infos and labels are not read.
           sweeps of all frames: --cfg-options leave_out=[]
Hardware:  8 GPUs, 3 sweeps each; with fewer, add --auto-scale-lr or accumulate gradients.
Expected:  not run. Settings that the paper does not state: docs/method.md, "Optimisation and schedules".

Channels and voxels are the detector's; the range is wider, as nothing is cut to the camera's view here.
"""

_base_ = ['../_base_/kitti.py', '../_base_/backbones/second.py']

point_cloud_range = [-76.8, -76.8, -5.0, 76.8, 76.8, 3.0]

_columns = len(_base_.input_channels)
_range = point_cloud_range
_cells = [round((high - low) / size) for low, high, size in zip(_range[:3], _range[3:], _base_.voxel_size)]
model = dict(
    **_base_.dos,
    backbone=dict(
        voxel_encoder=dict(num_features=_columns),
        # SparseEncoder wants z, y, x and one cell of head room in z
        middle_encoder=dict(in_channels=_columns, sparse_shape=[_cells[2] + 1, _cells[1], _cells[0]]),
    ),
    data_preprocessor=dict(voxel_layer=dict(point_cloud_range=_range, voxel_size=_base_.voxel_size)),
)
