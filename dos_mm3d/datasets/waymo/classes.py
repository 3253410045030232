"""The 22 classes of Waymo's 3D semantic segmentation, `Segmentation.Type` in the official segmentation.proto."""

import numpy as np
from numpy.typing import NDArray

CLASSES = (
    'car',
    'truck',
    'bus',
    'other-vehicle',
    'motorcyclist',
    'bicyclist',
    'pedestrian',
    'sign',
    'traffic-light',
    'pole',
    'construction-cone',
    'bicycle',
    'motorcycle',
    'building',
    'vegetation',
    'tree-trunk',
    'curb',
    'road',
    'lane-marker',
    'other-ground',
    'walkable',
    'sidewalk',
)
"""CLASSES[i] has the official number i + 1, which is what the label files hold."""

UNDEFINED = 0
"""Official number of points without a class; files also have it where no class was given: lidars other than TOP."""

NUMBER = {name: number for number, name in enumerate(CLASSES, 1)}

LABEL_OF_NUMBER: NDArray[np.int64] = np.append(len(CLASSES), np.arange(len(CLASSES)))
"""(23,) official number -> label 0 .. 21 as networks are taught, or 22 for what is ignored."""
