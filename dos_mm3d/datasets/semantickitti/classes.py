"""SemanticKITTI's sequences and the numbers in its label files, from semantic-kitti.yaml of the official API.

How the numbers fold into the 19 classes of the benchmark is in mmdet3d's data set config (`labels_map`)."""

import numpy as np

SPLITS = {
    'train': ('00', '01', '02', '03', '04', '05', '06', '07', '09', '10'),
    'val': ('08',),
    'test': ('11', '12', '13', '14', '15', '16', '17', '18', '19', '20', '21'),
}
"""The official split, by sequence; those of 'test' are published without labels."""

RAW_LABELS = {
    0: 'unlabeled',
    1: 'outlier',
    10: 'car',
    11: 'bicycle',
    13: 'bus',
    15: 'motorcycle',
    16: 'on-rails',
    18: 'truck',
    20: 'other-vehicle',
    30: 'person',
    31: 'bicyclist',
    32: 'motorcyclist',
    40: 'road',
    44: 'parking',
    48: 'sidewalk',
    49: 'other-ground',
    50: 'building',
    51: 'fence',
    52: 'other-structure',
    60: 'lane-marking',
    70: 'vegetation',
    71: 'trunk',
    72: 'terrain',
    80: 'pole',
    81: 'traffic-sign',
    99: 'other-object',
    252: 'moving-car',
    253: 'moving-bicyclist',
    254: 'moving-person',
    255: 'moving-motorcyclist',
    256: 'moving-on-rails',
    257: 'moving-bus',
    258: 'moving-truck',
    259: 'moving-other-vehicle',
}
"""Lower 16 bits of a label -> name; the upper 16 bits number the instances of a sequence, 0 for none."""

RAW_ID = {name: number for number, name in RAW_LABELS.items()}
THINGS = tuple(number for number in RAW_LABELS if 10 <= number <= 32 or number >= 252)
"""Vehicles and people, whose instances are numbered."""


def split_labels(raw: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Class number and instance number, (N,) uint32 each, of a label file's (N,) uint32."""
    return raw & 0xFFFF, raw >> 16
