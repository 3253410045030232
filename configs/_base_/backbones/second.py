"""DOS on CenterPoint's sparse encoder, mmdet3d's own: children name its grid and, where they are not five, columns."""

_base_ = 'mmdet3d::_base_/models/centerpoint_voxel01_second_secfpn_nus.py'

model = dict(
    _delete_=True,
    type='DOS',
    backbone=dict(
        type='SparseEncoderBackbone',
        voxel_encoder=_base_.model.pts_voxel_encoder,
        middle_encoder=_base_.model.pts_middle_encoder,
    ),
    data_preprocessor=dict(
        type='ViewPreprocessor',
        voxel=True,
        # nothing may be dropped: a loss voxel without features is an error
        voxel_layer={**_base_.model.data_preprocessor.voxel_layer, 'max_voxels': (300000, 300000)},
    ),
)
