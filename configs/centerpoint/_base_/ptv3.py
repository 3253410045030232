"""Point Transformer V3 in place of the sparse encoder: what does not depend on the grid."""

_base_ = ['../../ptv3/_base_sizes.py', '../../ptv3/_base_scales.py']

map_stride = 8  # voxels along the edge of a cell of the bird's-eye map
layer_strides = [2, 2]

# SECOND mixes what the unpoolings gather: the decoders have no blocks
ptv3_small = {**_base_.ptv3.small, 'block': dict(drop_path=0.3)}
ptv3_small['decoder'] = {**_base_.ptv3_decoders.small, 'depths': [0, 0, 0, 0]}
ptv3_tiny = {**_base_.ptv3.tiny, 'decoder': {**_base_.ptv3_decoders.tiny, 'depths': [0, 0, 0]}}
