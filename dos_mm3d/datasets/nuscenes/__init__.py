"""nuScenes: unlabelled sweeps, segmentation by lidarseg, and the conversion of a download."""

from . import segmentation, sweeps

__all__ = ['segmentation', 'sweeps']
