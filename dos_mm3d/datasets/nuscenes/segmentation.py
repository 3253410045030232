"""nuScenes lidarseg for mmdet3d's segmentors: key frames with a class for every point."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from mmdet3d.registry import DATASETS

from ...errors import InputError
from ..labelled_points import LabelledPoints
from .classes import CLASSES, COLOUR_OF_CLASS, IGNORE, read_class_indices, read_class_table
from .scenes import in_few_scenes, tables_of


@DATASETS.register_module()
class NuScenesLidarseg(LabelledPoints):
    """The 16 classes of the lidarseg challenge as labels 0 .. 15, everything else 16, which is ignored.

    Reads the infos of mmdet3d's converter, whose entries carry ``pts_semantic_mask_path`` where lidarseg is installed,
    and the categories' numbers in ``category.json``. mmdet3d 1.4.0 has no such data set.

    Args:
        labelled_scenes: keep the key frames of that many scenes, spread evenly over the sorted scene names, as
            :class:`LabelledScenesDataset` does: training with few labels. None keeps all.
        data_prefix: folders below ``data_root``; the labels' one names the version.
    """

    METAINFO = dict(
        classes=CLASSES,
        palette=[list(COLOUR_OF_CLASS[name]) for name in CLASSES],
        seg_valid_class_ids=tuple(range(len(CLASSES))),
        seg_all_class_ids=tuple(range(len(CLASSES))),
    )
    DATA_SET = 'nuscenes'
    DATA_PREFIX = dict(pts='samples/LIDAR_TOP', pts_semantic_mask='lidarseg/v1.0-trainval')

    def __init__(self, *args: Any, labelled_scenes: int | None = None, **kwargs: Any) -> None:
        self.labelled_scenes = labelled_scenes
        super().__init__(*args, **kwargs)

    def get_seg_label_mapping(self, metainfo: dict) -> None:
        """Nothing yet: which ``category.json`` holds the numbers is known when the infos are read."""

    def select(self, data_list: list[dict]) -> list[dict]:
        """The key frames of the labelled scenes; InputError where some carry no labels."""
        tables = tables_of(self.data_root, self.metainfo)
        self.seg_label_mapping = label_of_category(tables / 'category.json')
        without = sum('pts_semantic_mask_path' not in info for info in data_list)
        if without:
            raise InputError(
                f'{self.ann_file}: {without} of {len(data_list)} key frames have no pts_semantic_mask_path; install '
                'nuScenes-lidarseg over the data set and run `python tools/create_data.py nuscenes ...` again'
            )
        return in_few_scenes(data_list, tables, self.labelled_scenes)

    @classmethod
    def label_numbers(cls, data_root: str | Path, metainfo: Mapping[str, Any]) -> np.ndarray:
        """(L,) the categories' numbers in the data set's tables."""
        table = read_class_indices(tables_of(data_root, metainfo) / 'category.json')
        return np.array(sorted(table))


def label_of_category(category_file: Path) -> np.ndarray:
    """(256,) int64: number in a lidarseg file -> label 0 .. 15, or 16 for what is ignored."""
    one_based = read_class_table(category_file).astype(np.int64)
    return np.where(one_based == IGNORE, len(CLASSES), one_based - 1)
