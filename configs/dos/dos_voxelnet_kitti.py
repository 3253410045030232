"""DOS pretraining of SECOND's sparse encoder (voxel 0.05 x 0.05 x 0.1 m, loss voxels 0.2 m) on KITTI's sweeps.

Command:   bash tools/dist_train.sh configs/dos/dos_voxelnet_kitti.py 8
           then tools/export_backbone.py and configs/second/second_kitti_dos.py, or mmdet3d's own SECOND for KITTI
Data:      data/kitti/{training,testing}/velodyne, see docs/data/kitti.md; infos and labels are not read.
Hardware:  8 GPUs, 3 sweeps each; with fewer, add --auto-scale-lr or accumulate gradients.
Expected:  not run.

Encoder, channels, voxels and heights are the detector's; the range reaches as far behind the car as before it.
"""

_base_ = ['../_base_/kitti.py', '../_base_/backbones/voxelnet.py']

point_cloud_range = [-70.4, -40.0, -3.0, 70.4, 40.0, 1.0]
loss_stride = 4

_range = point_cloud_range
_cells = [round((high - low) / size) for low, high, size in zip(_range[:3], _range[3:], _base_.voxel_size)]
model = dict(
    **_base_.dos,
    backbone=dict(
        # SparseEncoder wants z, y, x and one cell of head room in z
        middle_encoder=dict(sparse_shape=[_cells[2] + 1, _cells[1], _cells[0]]),
        loss_stride=loss_stride,
    ),
    data_preprocessor=dict(voxel_layer=dict(point_cloud_range=_range, voxel_size=_base_.voxel_size)),
)
