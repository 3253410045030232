"""DOS pretraining of CenterPoint's sparse encoder (voxel 0.1 m, loss voxels 0.2 m) on SemanticKITTI's sweeps.

Command:   bash tools/dist_train.sh configs/dos/dos_second_semantickitti.py 8
           then tools/export_backbone.py, for a segmentor or (with mask_ratio=0.6) a detector fed the same four channels
Data:      data/semantickitti/sequences/XX/velodyne, see docs/data/semantickitti.md; labels are not read.
           with fewer: --cfg-options sequences=[0,1]; 11 to 21, the test split, may be added.
Hardware:  8 GPUs, 3 scans each; with fewer, add --auto-scale-lr or accumulate gradients.
Expected:  not run. Settings that the paper does not state: docs/method.md, "Optimisation and schedules".
"""

_base_ = ['../_base_/semantickitti.py', '../_base_/backbones/second.py']

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
