"""Data sets of unlabelled and labelled sweeps, registered into mmdet3d."""

from . import (
    folder,
    joint,
    label_shares,
    labelled_frames,
    labelled_scenes,
    nuscenes,
    scannet,
    semantickitti,
    stream,
    transforms,
    waymo,
)

__all__ = [
    'folder',
    'joint',
    'label_shares',
    'labelled_frames',
    'labelled_scenes',
    'nuscenes',
    'scannet',
    'semantickitti',
    'stream',
    'transforms',
    'waymo',
]
