"""Metrics that mmdet3d lacks, the linear probe with its honest baselines, and the report of the quickstart."""

from .waymo import waymo_detection_metrics

__all__ = ['waymo_detection_metrics']
