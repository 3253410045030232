"""Waymo: unlabelled sweeps, 3D semantic segmentation, and the conversion of frame records.

tools/waymo_records makes the records of a download."""

from . import segmentation, sweeps, transforms
