"""The 16 classes of the nuScenes lidarseg challenge, and how its 32 categories map onto them: the devkit's tables."""

from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from nuscenes.eval.lidarseg.utils import LidarsegClassMapper

from ...errors import InputError
from .tables import AGAIN, read_table


def _official_tables() -> LidarsegClassMapper:
    """The devkit's mapper without a data set, which its tables do not look at."""
    mapper = LidarsegClassMapper.__new__(LidarsegClassMapper)
    mapper.ignore_class = mapper.get_ignore_class()
    return mapper


_OFFICIAL = _official_tables()
IGNORE = _OFFICIAL.ignore_class['index']
CLASSES = tuple(name for name, label in _OFFICIAL.get_coarse2idx().items() if label != IGNORE)
"""Label i + 1 is CLASSES[i]; label 0 is ignored in training and in the metric."""
COLOUR_OF_CLASS = _OFFICIAL.get_coarse2color()
"""Class -> red, green, blue, 0-255."""
CATEGORY_TO_CLASS = _OFFICIAL.get_fine2coarse()
"""Category -> class, or 'ignore'."""


def class_of_category_index(category_names: dict[int, str]) -> NDArray[np.uint8]:
    """Look-up table from the index stored in a lidarseg file to the label 0..16 of the challenge.

    category_names: index -> category name, as in `category.json`. Returns (256,) uint8; unknown indices are IGNORE.
    Raises ValueError for a name that nuScenes does not define.
    """
    label_of_class = _OFFICIAL.get_coarse2idx()
    table = np.full(256, IGNORE, np.uint8)
    for index, name in category_names.items():
        if name not in CATEGORY_TO_CLASS:
            raise InputError(
                f'category {name!r} (index {index}) is none of the 32 nuScenes lidarseg categories: check category.json'
            )
        table[index] = label_of_class[CATEGORY_TO_CLASS[name]]
    return table


def read_class_table(category_file: Path) -> NDArray[np.uint8]:
    """`class_of_category_index` of a data set's `category.json`; InputError where that has no lidarseg index."""
    return class_of_category_index(read_class_indices(category_file))


def read_class_indices(category_file: Path) -> dict[int, str]:
    """Index in the lidarseg files -> category name, of a data set's `category.json`; InputError where it has none."""
    records = read_table(category_file, {'name': str})
    missing = [record['name'] for record in records if 'index' not in record]
    if missing:
        raise InputError(
            f'{category_file}: no lidarseg `index` for {missing}: install nuScenes-lidarseg over the data set'
        )
    strange = [
        record['index'] for record in records if type(record['index']) is not int or not 0 <= record['index'] < 256
    ]
    if strange:
        raise InputError(f'{category_file}: found index {str(strange[0])[:40]}, wanted 0 to 255. {AGAIN}.')
    return {record['index']: record['name'] for record in records}
