"""Point Transformer V3 with a decoder and a linear classifier: children name voxel size, columns and classes."""

_base_ = '../../ptv3/_base_sizes.py'

model = dict(
    type='PTv3Segmentor',
    backbone={**_base_.ptv3.small, 'decoder': _base_.ptv3_decoders.small},
    decode_head=dict(type='PointHead'),
    data_preprocessor=dict(type='Det3DDataPreprocessor'),
)
