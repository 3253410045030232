"""Metrics that mmdet3d lacks, registered into it."""

from .confusion import ConfusionMatrix
from .grouped import GroupedSegMetric
from .kitti import KittiMetric, kitti_average_precision
from .waymo import WaymoDetMetric, waymo_detection_metrics
