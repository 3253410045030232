"""Waymo: unlabelled sweeps, 3D semantic segmentation, and the conversion: raw records -> frame records -> infos."""

from . import segmentation, sweeps, transforms
