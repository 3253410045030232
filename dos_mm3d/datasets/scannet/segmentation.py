"""ScanNet200 for mmdet3d's segmentors: scans with one of 200 classes for every point."""

import colorsys
from collections.abc import Sequence
from typing import Any

import numpy as np
from mmdet3d.datasets import Seg3DDataset
from mmdet3d.registry import DATASETS

from .classes import CLASSES_200, GROUP_OF_200, MAX_ID_200

GOLDEN_RATIO = 0.618034


def palette(count: int) -> list[list[int]]:
    """Colours 0-255 that differ from their neighbours, by steps of the golden ratio around the hues."""
    hues = [(number * GOLDEN_RATIO) % 1 for number in range(count)]
    return [[round(255 * c) for c in colorsys.hsv_to_rgb(h, 0.5 + 0.5 * (i % 2), 0.9)] for i, h in enumerate(hues)]


@DATASETS.register_module()
class ScanNet200Seg(Seg3DDataset):
    """The 200 classes of ScanNet200 as labels 0 .. 199, everything else 200, which is ignored (mmdet3d's convention).

    Reads the same infos and points as mmdet3d's ScanNetSegDataset, of ``tools/create_data.py scannet``, and the labels
    of semantic_mask_200/. ``metainfo['groups']`` has the group of each class, which GroupedSegMetric averages over.

    Args:
        scene_idxs: numbers of the scans to take, or a file of them; None: all, once each.
    """

    METAINFO = dict(
        classes=tuple(CLASSES_200.values()),
        groups=tuple(GROUP_OF_200[name] for name in CLASSES_200.values()),
        palette=palette(len(CLASSES_200)),
        seg_valid_class_ids=tuple(CLASSES_200),
        seg_all_class_ids=tuple(range(MAX_ID_200 + 1)),
    )
    DATA_PREFIX = dict(pts='points', pts_semantic_mask='semantic_mask_200', pts_instance_mask='instance_mask')

    def __init__(
        self,
        data_root: str,
        ann_file: str,
        data_prefix: dict[str, str] | None = None,
        scene_idxs: str | Sequence[int] | np.ndarray | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(
            data_root=data_root,
            ann_file=ann_file,
            metainfo=dict(classes=self.METAINFO['classes']),
            data_prefix={**self.DATA_PREFIX, **(data_prefix or {})},
            scene_idxs=scene_idxs,
            ignore_index=len(CLASSES_200),
            **kwargs,
        )
