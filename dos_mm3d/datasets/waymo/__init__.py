"""Waymo: frame records, infos in mmdet3d's form, unlabelled sweeps, semantic labels."""

from . import semantic, sweeps, transforms

__all__ = ['semantic', 'sweeps', 'transforms']
