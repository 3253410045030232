"""Projection and prototypes, and the detection heads that mmdet3d lacks."""

from .base import DistillationHead
from .categories import CategoryHead, CentredTargets
from .center_head import BiasedSeparateHead, CenterHeadWithoutVelocity
from .clustering import ClusteringHead
from .objects import ObjectClassifier, PartHead
from .point import PointHead
from .projector import Projector
from .prototypes import PrototypeHead
from .regression import RegressionHead
from .zipf_sinkhorn import SoftmapHead, ZipfSinkhornHead
