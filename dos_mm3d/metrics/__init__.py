"""Metrics that mmdet3d lacks, registered into it."""

from .confusion import ConfusionMatrix
from .grouped import GroupedSegMetric
from .waymo import WaymoDetMetric, waymo_detection_metrics
