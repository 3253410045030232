"""DOS pretraining of mmdet3d's Cylinder3D (480 x 360 x 32 sectors, loss voxels 0.2 m) on SemanticKITTI's sweeps.

Command:   bash tools/dist_train.sh configs/dos/dos_cylinder3d_semantickitti.py 8
           then tools/export_backbone.py, and load_from of mmdet3d's cylinder3d_4xb4-3x_semantickitti.py
Hardware:  8 GPUs, 3 scans each; with fewer, add --auto-scale-lr or accumulate gradients.
Expected:  not run. Settings that the paper does not state: docs/method.md, "Optimisation and schedules".

Files, schedule and mask are those of dos_minkunet_semantickitti.py.
"""

_base_ = ['../_base_/semantickitti.py', '../cylinder3d/_base_sizes.py']

# of the loss voxels; sectors reach as far, what lies beyond counts to the last one, as in mmdet3d
point_cloud_range = [-50, -50, -4, 50, 50, 2]
voxel_size = [0.2, 0.2, 0.2]

_x, _y, _low, *_ends, _high = point_cloud_range
_turn = _base_.cylinder3d.full.voxel_layer.point_cloud_range[4]
_sectors = dict(point_cloud_range=[0, -_turn, _low, max(-_x, -_y, *_ends), _turn, _high])
model = dict(
    **_base_.dos,
    type='DOS',
    backbone=dict(
        type='Cylinder3DAdapter',
        voxel_encoder={**_base_.cylinder3d.full.voxel_encoder, **_sectors},
        backbone=_base_.cylinder3d.full.backbone,
    ),
    data_preprocessor=dict(
        type='ViewPreprocessor',
        voxel=True,
        voxel_type='cylindrical',
        voxel_layer={**_base_.cylinder3d.full.voxel_layer, **_sectors},
        loss_grid=dict(point_cloud_range=point_cloud_range, voxel_size=voxel_size),
    ),
)
