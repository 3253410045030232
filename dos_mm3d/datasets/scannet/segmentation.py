"""ScanNet200 for mmdet3d's segmentors: scans with one of 200 classes for every point."""

import colorsys

from mmdet3d.registry import DATASETS

from ..labelled_points import LabelledPoints
from .classes import CLASSES_200, GROUP_OF_200, MAX_ID_200

GOLDEN_RATIO = 0.618034


def palette(count: int) -> list[list[int]]:
    """Colours 0-255 that differ from their neighbours, by steps of the golden ratio around the hues."""
    hues = [(number * GOLDEN_RATIO) % 1 for number in range(count)]
    return [[round(255 * c) for c in colorsys.hsv_to_rgb(h, 0.5 + 0.5 * (i % 2), 0.9)] for i, h in enumerate(hues)]


@DATASETS.register_module()
class ScanNet200Seg(LabelledPoints):
    """The 200 classes of ScanNet200 as labels 0 .. 199, everything else 200, which is ignored.

    Reads the same infos and points as mmdet3d's ScanNetSegDataset, of ``tools/create_data.py scannet``, and the labels
    of semantic_mask_200/. ``metainfo['groups']`` has the group of each class, which GroupedSegMetric averages over.

    Args:
        scene_idxs: of mmdet3d's Seg3DDataset: numbers of the scans to take, or a file of them; None: all, once each.
        kwargs: those of :class:`LabelledPoints`.
    """

    METAINFO = dict(
        classes=tuple(CLASSES_200.values()),
        groups=tuple(GROUP_OF_200[name] for name in CLASSES_200.values()),
        palette=palette(len(CLASSES_200)),
        seg_valid_class_ids=tuple(CLASSES_200),
        seg_all_class_ids=tuple(range(MAX_ID_200 + 1)),
    )
    DATA_SET = 'scannet'
    DATA_PREFIX = dict(pts='points', pts_semantic_mask='semantic_mask_200', pts_instance_mask='instance_mask')
