"""The classes of a ladder's groups are counted in the label files; its splits share no scene."""

from pathlib import Path

import numpy as np

from dos_mm3d.datasets.nuscenes.classes import CLASSES, read_class_table
from dos_mm3d.studies.protocols.datasets import DATASETS
from dos_mm3d.studies.protocols.ladder import label_counts


def test_points_per_class_are_those_of_the_label_files(synthetic_nuscenes: Path) -> None:
    table = read_class_table(next(synthetic_nuscenes.glob('v1.0-*')) / 'category.json')
    scans = DATASETS['synthetic'].at(str(synthetic_nuscenes)).scans('test')
    stored = [
        np.fromfile(scans.label_files[Path(path).name], np.uint8)
        for path in np.array(scans.sweeps.table.paths)[scans.sweeps.frames]
    ]
    labels = table[np.concatenate(stored)]
    assert list(label_counts(scans).values()) == [int((labels == i + 1).sum()) for i in range(len(CLASSES))]


def test_splits_share_no_scene(synthetic_nuscenes: Path) -> None:
    train, scored = (DATASETS['synthetic'].at(str(synthetic_nuscenes)).scans(part) for part in ('probe_train', 'test'))
    assert not set(train.names) & set(scored.names)
