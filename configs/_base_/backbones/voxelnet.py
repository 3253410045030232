"""DOS on SECOND's sparse encoder, mmdet3d's own for KITTI: children name its grid."""

_base_ = 'mmdet3d::_base_/models/second_hv_secfpn_kitti.py'

model = dict(
    _delete_=True,
    type='DOS',
    backbone=dict(
        type='VoxelNetBackbone',
        voxel_encoder=_base_.model.voxel_encoder,
        middle_encoder=_base_.model.middle_encoder,
    ),
    data_preprocessor=dict(
        type='ViewPreprocessor',
        voxel=True,
        # nothing may be dropped: a loss voxel without features is an error
        voxel_layer={**_base_.model.data_preprocessor.voxel_layer, 'max_voxels': (300000, 300000)},
    ),
)
