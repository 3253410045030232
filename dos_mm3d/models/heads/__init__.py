"""Projection and prototypes."""

from .projector import Projector
from .zipf_sinkhorn import ZipfSinkhornHead

__all__ = ['Projector', 'ZipfSinkhornHead']
