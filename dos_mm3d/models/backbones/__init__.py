"""Adapters: one file over each of mmdet3d's backbones."""

from .sparse_encoder import SparseEncoderBackbone

__all__ = ['SparseEncoderBackbone']
