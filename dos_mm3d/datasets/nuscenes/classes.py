"""The 16 classes of the nuScenes lidarseg challenge, and how its 32 categories map onto them (nuscenes.org)."""

import json
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ...errors import InputError

IGNORE = 0
CLASSES = (
    'barrier',
    'bicycle',
    'bus',
    'car',
    'construction_vehicle',
    'motorcycle',
    'pedestrian',
    'traffic_cone',
    'trailer',
    'truck',
    'driveable_surface',
    'other_flat',
    'sidewalk',
    'terrain',
    'manmade',
    'vegetation',
)
"""Label i + 1 is CLASSES[i]; label 0 is ignored in training and in the metric."""

CATEGORY_TO_CLASS = {
    'noise': None,
    'animal': None,
    'human.pedestrian.adult': 'pedestrian',
    'human.pedestrian.child': 'pedestrian',
    'human.pedestrian.construction_worker': 'pedestrian',
    'human.pedestrian.personal_mobility': None,
    'human.pedestrian.police_officer': 'pedestrian',
    'human.pedestrian.stroller': None,
    'human.pedestrian.wheelchair': None,
    'movable_object.barrier': 'barrier',
    'movable_object.debris': None,
    'movable_object.pushable_pullable': None,
    'movable_object.trafficcone': 'traffic_cone',
    'static_object.bicycle_rack': None,
    'vehicle.bicycle': 'bicycle',
    'vehicle.bus.bendy': 'bus',
    'vehicle.bus.rigid': 'bus',
    'vehicle.car': 'car',
    'vehicle.construction': 'construction_vehicle',
    'vehicle.emergency.ambulance': None,
    'vehicle.emergency.police': None,
    'vehicle.motorcycle': 'motorcycle',
    'vehicle.trailer': 'trailer',
    'vehicle.truck': 'truck',
    'flat.driveable_surface': 'driveable_surface',
    'flat.other': 'other_flat',
    'flat.sidewalk': 'sidewalk',
    'flat.terrain': 'terrain',
    'static.manmade': 'manmade',
    'static.other': None,
    'static.vegetation': 'vegetation',
    'vehicle.ego': None,
}


def class_of_category_index(category_names: dict[int, str]) -> NDArray[np.uint8]:
    """Look-up table from the index stored in a lidarseg file to the label 0..16 of the challenge.

    category_names: index -> category name, as in `category.json`. Returns (256,) uint8; unknown indices are IGNORE.
    Raises ValueError for a name that nuScenes does not define.
    """
    table = np.zeros(256, np.uint8)
    for index, name in category_names.items():
        if name not in CATEGORY_TO_CLASS:
            raise InputError(
                f'category {name!r} (index {index}) is none of the 32 nuScenes lidarseg categories: check category.json'
            )
        target = CATEGORY_TO_CLASS[name]
        table[index] = IGNORE if target is None else CLASSES.index(target) + 1
    return table


def read_class_table(category_file: Path) -> NDArray[np.uint8]:
    """`class_of_category_index` of a data set's `category.json`; InputError where that has no lidarseg index."""
    return class_of_category_index(read_class_indices(category_file))


def read_class_indices(category_file: Path) -> dict[int, str]:
    """Index in the lidarseg files -> category name, of a data set's `category.json`; InputError where it has none."""
    records = json.loads(Path(category_file).read_text())
    missing = [record['name'] for record in records if 'index' not in record]
    if missing:
        raise InputError(
            f'{category_file}: no lidarseg `index` for {missing}: install nuScenes-lidarseg over the data set'
        )
    return {record['index']: record['name'] for record in records}
