"""DOS pretraining of CenterPoint's sparse encoder (voxel 0.1 x 0.1 x 0.15 m) on Waymo's frames, full size.

Command:   bash tools/dist_train.sh configs/dos/dos_second_waymo.py 8
           then tools/export_backbone.py and configs/centerpoint/centerpoint_voxel01_waymo_dos.py
Data:      data/waymo/kitti_format/training/velodyne, see docs/data/waymo.md; infos and labels are not read.
Hardware:  8 GPUs, 3 frames each; with fewer, add --auto-scale-lr or accumulate gradients.
Expected:  not run. Settings that the paper does not state: docs/method.md, "Optimisation and schedules".

Range, grid and channels are those of centerpoint_voxel01_waymo.py.
"""

_base_ = ['../_base_/waymo.py', '../_base_/backbones/second.py']

voxel_size = [0.1, 0.1, 0.15]

_range = _base_.point_cloud_range
_cells = [round((high - low) / size) for low, high, size in zip(_range[:3], _range[3:], voxel_size)]
model = dict(
    **_base_.dos,
    # SparseEncoder wants z, y, x and one cell of head room in z
    backbone=dict(middle_encoder=dict(sparse_shape=[_cells[2] + 1, _cells[1], _cells[0]])),
    data_preprocessor=dict(voxel_layer=dict(point_cloud_range=_range, voxel_size=voxel_size)),
)
