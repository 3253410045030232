"""Projection and prototypes, and the detection heads that mmdet3d lacks."""

from .base import DistillationHead
from .center_head import CenterHeadWithoutVelocity
from .clustering import ClusteringHead
from .point import PointHead
from .projector import Projector
from .prototypes import PrototypeHead
from .regression import RegressionHead
from .separate_head import BiasedSeparateHead
from .softmap import SoftmapHead
from .zipf_sinkhorn import ZipfSinkhornHead

__all__ = [
    'BiasedSeparateHead',
    'CenterHeadWithoutVelocity',
    'ClusteringHead',
    'DistillationHead',
    'PointHead',
    'Projector',
    'PrototypeHead',
    'RegressionHead',
    'SoftmapHead',
    'ZipfSinkhornHead',
]
