"""The 20 classes of ScanNet's benchmark and the 200 of ScanNet200: numbers, names and groups.

Every object of a scan has a raw category, which scannetv2-labels.combined.tsv maps to an NYU40 number (0 to 40) and to
a number of its own (`id`, from 1). ScanNet uses 20 of the NYU40 numbers, ScanNet200 uses 200 of the ids. Sources: the
tsv, and scannet200_constants.py and scannet200_splits.py of the official repository (github.com/ScanNet/ScanNet).
classes_200.tsv holds the 200."""

import csv
from importlib import resources

from mmdet3d.datasets import ScanNetSegDataset

CLASSES_20 = {
    number: 'shower curtain' if name == 'showercurtrain' else name
    for number, name in zip(
        ScanNetSegDataset.METAINFO['seg_valid_class_ids'], ScanNetSegDataset.METAINFO['classes'], strict=True
    )
}
"""NYU40 number -> name, in the order of the benchmark. mmdet3d spells one of them otherwise."""

with resources.files(__package__).joinpath('classes_200.tsv').open() as _file:
    _TABLE_200 = list(csv.DictReader(_file, delimiter='\t'))

CLASSES_200 = {int(row['id']): row['name'] for row in _TABLE_200}
"""`id` -> name, in the order of the benchmark. Each name is a raw category of the tsv too; some have others besides."""

GROUP_OF_200 = {row['name']: row['group'] for row in _TABLE_200}
"""Name -> 'head' (66 classes), 'common' (68) or 'tail' (66), by how often they are seen."""

NYU40_OF_200 = {row['name']: int(row['nyu40id']) for row in _TABLE_200}
"""Name -> NYU40 number of the raw category of that name."""

NYU40_IDS = 41
"""NYU40 numbers, with 0 for what has none."""

MAX_ID_200 = max(CLASSES_200)
