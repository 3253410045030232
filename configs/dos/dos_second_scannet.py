"""DOS pretraining of mmdet3d's SparseEncoder (CenterPoint's widths, voxel 0.04 m, loss voxels 0.08 m) on ScanNet.

Command:   bash tools/dist_train.sh configs/dos/dos_second_scannet.py 8
Hardware:  8 GPUs, 3 scans each; with fewer, add --auto-scale-lr or accumulate gradients.
Expected:  not run. mmdet3d has no indoor detector on this encoder: the weights are for one of your own, whose voxel
           layer and sparse_shape must be those of this file.

Data, range and mask are those of dos_minkunet_scannet.py. Voxels are twice as large: this encoder's grid is fixed, and
of the 2^31 cells that spconv on the CPU tells apart in a batch, six views of 1024 x 1024 x 257 take 1.6e9.
"""

_base_ = ['../_base_/scannet.py', '../_base_/backbones/second.py']

voxel_size = [0.04, 0.04, 0.04]
loss_stride = 2

_columns = len(_base_.input_channels)
_range = _base_.point_cloud_range
_cells = [round((high - low) / size) for low, high, size in zip(_range[:3], _range[3:], voxel_size)]
model = dict(
    **_base_.dos,
    backbone=dict(
        voxel_encoder=dict(num_features=_columns),
        # z, y, x, one more in z as in CenterPoint
        middle_encoder=dict(in_channels=_columns, sparse_shape=[_cells[2] + 1, _cells[1], _cells[0]]),
        loss_stride=loss_stride,
    ),
    data_preprocessor=dict(
        voxel_type='hard',
        voxel_layer=dict(point_cloud_range=_range, voxel_size=voxel_size, max_voxels=(-1, -1)),
    ),
)
