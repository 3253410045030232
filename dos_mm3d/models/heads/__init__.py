"""Projection and prototypes, and the detection head of the small CenterPoint."""

from .base import DistillationHead
from .clustering import ClusteringHead
from .projector import Projector
from .prototypes import PrototypeHead
from .regression import RegressionHead
from .separate_head import BiasedSeparateHead
from .softmap import SoftmapHead
from .zipf_sinkhorn import ZipfSinkhornHead

__all__ = [
    'BiasedSeparateHead',
    'ClusteringHead',
    'DistillationHead',
    'Projector',
    'PrototypeHead',
    'RegressionHead',
    'SoftmapHead',
    'ZipfSinkhornHead',
]
