"""DOS pretraining of CenterPoint's sparse encoder (voxel 0.075 m, loss voxels 0.15 m, 10 sweeps) on real nuScenes.

Command:   bash tools/dist_train.sh configs/dos/dos_second_voxel0075_nuscenes.py 8
           then tools/export_backbone.py and configs/centerpoint/centerpoint_voxel0075_nuscenes_*dos.py
Hardware:  8 GPUs, 3 scans each; with fewer, add --auto-scale-lr or accumulate gradients.
Expected:  not run.

Encoder and grid are those of centerpoint_voxel0075_nuscenes.py, the rest is dos_second_nuscenes.py.
"""

_base_ = 'dos_second_nuscenes.py'

voxel_size = [0.075, 0.075, 0.2]
point_cloud_range = [-54, -54, -5.0, 54, 54, 3.0]

_range = point_cloud_range
_cells = [round((high - low) / size) for low, high, size in zip(_range[:3], _range[3:], voxel_size)]
model = dict(
    # SparseEncoder wants z, y, x and one cell of head room in z
    backbone=dict(middle_encoder=dict(sparse_shape=[_cells[2] + 1, _cells[1], _cells[0]])),
    data_preprocessor=dict(voxel_layer=dict(point_cloud_range=_range, voxel_size=voxel_size)),
)
