"""DOS pretraining of mmdet3d's SparseEncoder (CenterPoint's widths, voxel 0.04 m, loss voxels 0.08 m) on ScanNet.

Command:   bash tools/dist_train.sh configs/dos/dos_second_scannet.py 8
Hardware:  8 GPUs, 3 scans each; with fewer, add --auto-scale-lr or accumulate gradients.
Expected:  not run. mmdet3d has no indoor detector on this encoder: the weights are for one of your own, whose voxel
           layer and sparse_shape must be those of this file.

Data, range and mask are those of dos_minkunet_scannet.py. Voxels are twice as large: this encoder's grid is fixed, and
of the 2^31 cells that spconv on the CPU tells apart in a batch, six views of 1024 x 1024 x 257 take 1.6e9.
"""

_base_ = 'dos_minkunet_scannet.py'

voxel_size = [0.04, 0.04, 0.04]
loss_stride = 2
grid_shape = [257, 1024, 1024]  # z, y, x of the range in voxels, one more in z as in CenterPoint
max_points_per_voxel = 10

model = dict(
    backbone=dict(
        _delete_=True,
        type='SparseEncoderBackbone',
        voxel_encoder=dict(type='HardSimpleVFE', num_features=len(_base_.input_channels)),
        middle_encoder=dict(
            type='SparseEncoder',
            in_channels=len(_base_.input_channels),
            sparse_shape=grid_shape,
            output_channels=128,
            order=('conv', 'norm', 'act'),
            encoder_channels=((16, 16, 32), (32, 32, 64), (64, 64, 128), (128, 128)),
            encoder_paddings=((0, 0, 1), (0, 0, 1), (0, 0, [0, 1, 1]), (0, 0)),
            block_type='basicblock',
        ),
        loss_stride=loss_stride,
    ),
    data_preprocessor=dict(
        voxel_type='hard', voxel_layer=dict(max_num_points=max_points_per_voxel, voxel_size=voxel_size)
    ),
)
