"""Weights for CenterPoint's sparse encoder at voxels of 0.1 x 0.1 x 0.2 m, ten sweeps: mmdet3d's own voxel-0.1 model.

Command:   python tools/create_data.py zoo_world --out-dir data/zoo_world --scenes 2000
           OMP_NUM_THREADS=1 python tools/train.py configs/zoo/zoo_second_voxel01.py
           then tools/build_zoo.py and configs/centerpoint/centerpoint_voxel01_nuscenes_zoo.py
Hardware:  1 CPU core.
Expected:  docs/model_zoo.md

Kernels have the shapes of zoo_second_small.py's, whose weights are where it begins: what one layer has learnt of voxels
of 0.2 m is nearer to what it should know of finer ones than chance is. Training warns that voxels differ.
"""

_base_ = ['_base_world.py', '../_base_/backbones/second.py']
load_from = 'weights/second_small.pth'

max_lag_s = [0.5]  # ten sweeps of 20 Hz
max_points = 65536  # of a view, a part of the scan: what a CPU steps in a second or two
voxel_size = [0.1, 0.1, 0.2]

_range = _base_.point_cloud_range
_cells = [round((high - low) / size) for low, high, size in zip(_range[:3], _range[3:], voxel_size)]
model = dict(
    **_base_.dos,
    # SparseEncoder wants z, y, x and one cell of head room in z
    backbone=dict(middle_encoder=dict(sparse_shape=[_cells[2] + 1, _cells[1], _cells[0]])),
    data_preprocessor=dict(voxel_layer=dict(point_cloud_range=_range, voxel_size=voxel_size)),
)
train_dataloader = dict(
    dataset=dict(
        pipeline=[
            {**_base_.recent, 'max_lag_s': max_lag_s},
            {**_base_.views, 'max_points': max_points},
            *_base_.mask_and_pack,
        ]
    )
)
