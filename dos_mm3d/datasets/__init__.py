"""Data sets of unlabelled sweeps, registered into mmdet3d."""

from . import folder, labelled_scenes, lidarseg, nuscenes, semantickitti, stream, transforms

__all__ = ['folder', 'labelled_scenes', 'lidarseg', 'nuscenes', 'semantickitti', 'stream', 'transforms']
