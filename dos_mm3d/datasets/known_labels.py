"""The numbers that a data set's label files may hold."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from .nuscenes.classes import read_class_table
from .nuscenes.segmentation import NuScenesLidarseg


def known_labels(cls: type, dataset: Mapping[str, Any], infos: Mapping[str, Any]) -> np.ndarray | None:
    """(L,) sorted numbers that a data set's config, class or tables define; None where none of them says so."""
    if issubclass(cls, NuScenesLidarseg):
        path = Path(dataset['data_root'], infos['metainfo']['version'], 'category.json')
        read_class_table(path)  # says what is wrong with it
        return np.array(sorted(record['index'] for record in json.loads(path.read_text())))
    metainfo = dataset.get('metainfo') or {}
    if 'seg_label_mapping' in metainfo:
        return np.array(sorted(metainfo['seg_label_mapping']))
    numbers = getattr(cls, 'METAINFO', {}).get('seg_all_class_ids')
    return None if numbers is None else np.arange(max(numbers) + 1)
