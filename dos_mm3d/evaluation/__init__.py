"""Metrics that mmdet3d lacks, the linear probe with its honest baselines, and the report of the quickstart."""

from .confusion_metric import ConfusionMatrix
from .group_metric import GroupedSegMetric
from .waymo import WaymoDetMetric, waymo_detection_metrics

__all__ = ['ConfusionMatrix', 'GroupedSegMetric', 'WaymoDetMetric', 'waymo_detection_metrics']
