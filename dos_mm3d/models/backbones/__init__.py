"""Adapters: one file over each of mmdet3d's backbones."""

from .ptv3 import PTv3, PTv3Backbone
from .sparse_encoder import SparseEncoderBackbone

__all__ = ['PTv3', 'PTv3Backbone', 'SparseEncoderBackbone']
