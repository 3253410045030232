"""Projection and prototypes, and the detection head of the small CenterPoint."""

from .projector import Projector
from .separate_head import BiasedSeparateHead
from .zipf_sinkhorn import ZipfSinkhornHead

__all__ = ['BiasedSeparateHead', 'Projector', 'ZipfSinkhornHead']
