"""Weights for CenterPoint's sparse encoder at voxels of 0.2 m: the grid of centerpoint_small_synthetic.py.

Command:   python tools/create_data.py zoo_world --out-dir data/zoo_world --scenes 2000
           OMP_NUM_THREADS=1 python tools/train.py configs/zoo/zoo_second_small.py
           then tools/build_zoo.py and configs/centerpoint/centerpoint_small_synthetic_zoo.py
Hardware:  1 CPU core.
Expected:  docs/model_zoo.md
"""

_base_ = ['_base_world.py', '../_base_/backbones/second.py']

voxel_size = [0.2, 0.2, 0.2]

_range = _base_.point_cloud_range
_cells = [round((high - low) / size) for low, high, size in zip(_range[:3], _range[3:], voxel_size)]
model = dict(
    **_base_.dos,
    backbone=dict(
        # SparseEncoder wants z, y, x and one cell of head room in z
        middle_encoder=dict(
            sparse_shape=[_cells[2] + 1, _cells[1], _cells[0]], norm_cfg=dict(type='BN1d', eps=1e-3, momentum=0.1)
        )
    ),
    data_preprocessor=dict(
        voxel_layer=dict(point_cloud_range=_range, voxel_size=voxel_size, max_voxels=(30000, 40000))
    ),
)
