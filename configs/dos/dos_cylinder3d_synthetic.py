"""DOS pretraining of a tiny Cylinder3D on the embedded data set, without labels.

Command:   python tools/train.py configs/dos/dos_cylinder3d_synthetic.py
Hardware:  2 CPU cores, no GPU.
Expected:  not run yet.

Loss voxels, 0.4 m, are those of dos_second_synthetic.py.
"""

_base_ = ['dos_second_synthetic.py', '../cylinder3d/_base_sizes.py']

voxel_size = [0.4, 0.4, 0.4]
mask_ratio = 0.7  # for segmentation: docs/method.md, "Views and masks"

_views, _mask, _pack = _base_.train_dataloader.dataset.pipeline
_tiny = _base_.cylinder3d.tiny
# sectors reach as far as the loss voxels
_x, _y, _low, *_ends, _high = _base_.point_cloud_range
_turn = _tiny.voxel_layer.point_cloud_range[4]
_sectors = dict(point_cloud_range=[0, -_turn, _low, max(-_x, -_y, *_ends), _turn, _high])
model = dict(
    backbone=dict(
        _delete_=True,
        type='Cylinder3DAdapter',
        # rho and phi beside the columns of the points
        voxel_encoder={**_tiny.voxel_encoder, **_sectors, 'in_channels': len(_base_.input_channels) + 2},
        backbone=_tiny.backbone,
    ),
    data_preprocessor=dict(
        _delete_=True,
        type='ViewPreprocessor',
        voxel=True,
        voxel_type='cylindrical',
        voxel_layer={**_tiny.voxel_layer, **_sectors},
        loss_grid=dict(point_cloud_range=_base_.point_cloud_range, voxel_size=voxel_size),
    ),
)
train_dataloader = dict(dataset=dict(pipeline=[_views, {**_mask, 'mask_ratio': mask_ratio}, _pack]))
