"""DOS pretraining of CenterPoint's sparse encoder (voxel 0.1 m, 10 sweeps) on real nuScenes, full size.

Command:   bash tools/dist_train.sh configs/dos/dos_second_nuscenes.py 8
           then tools/export_backbone.py and configs/centerpoint/centerpoint_voxel01_nuscenes_dos.py
Hardware:  8 GPUs, 3 scans each; with fewer, add --auto-scale-lr or accumulate gradients.
Expected:  not run. Settings that the paper does not state: docs/method.md, "Optimisation and schedules".
"""

_base_ = ['../_base_/nuscenes.py', '../_base_/backbones/second.py']

_range = _base_.point_cloud_range
_cells = [round((high - low) / size) for low, high, size in zip(_range[:3], _range[3:], _base_.voxel_size)]
model = dict(
    **_base_.dos,
    # SparseEncoder wants z, y, x and one cell of head room in z
    backbone=dict(middle_encoder=dict(sparse_shape=[_cells[2] + 1, _cells[1], _cells[0]])),
    data_preprocessor=dict(voxel_layer=dict(point_cloud_range=_range, voxel_size=_base_.voxel_size)),
)
