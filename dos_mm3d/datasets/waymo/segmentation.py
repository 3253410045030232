"""Waymo's 3D semantic segmentation for mmdet3d's segmentors: the frames that have labels."""

from typing import Any

import numpy as np
from mmdet3d.datasets import Seg3DDataset
from mmdet3d.registry import DATASETS

from ...errors import InputError
from ..info_pickle import load_info_pickle
from .classes import CLASSES, LABEL_OF_NUMBER, UNDEFINED

PALETTE = (
    (255, 158, 0), (255, 99, 71), (255, 127, 80), (233, 150, 70), (255, 61, 99), (220, 20, 60), (0, 0, 230),
    (138, 43, 226), (186, 85, 211), (112, 128, 144), (47, 79, 79), (255, 20, 147), (199, 21, 133), (222, 184, 135),
    (0, 175, 0), (139, 69, 19), (75, 0, 75), (0, 207, 191), (255, 255, 0), (175, 0, 75), (112, 180, 60),
    (100, 149, 237),
)  # fmt: skip


@DATASETS.register_module()
class WaymoSeg(Seg3DDataset):
    """The 22 classes as labels 0 .. 21; undefined is 22, which is ignored (mmdet3d's convention: the class without a
    name comes last), and so are all points of the lidars other than TOP, which nobody labelled.

    Reads the infos of tools/create_data.py and keeps the frames that carry `pts_semantic_mask_path`, some one in seven.
    ValueError where none does. mmdet3d 1.4.0 has no such data set.
    """

    METAINFO = dict(
        classes=CLASSES,
        palette=[list(colour) for colour in PALETTE],
        seg_valid_class_ids=tuple(range(UNDEFINED + 1, len(CLASSES) + 1)),
        seg_all_class_ids=tuple(range(len(CLASSES) + 1)),
    )
    DATA_PREFIX = dict(pts='training/velodyne', pts_semantic_mask='training')

    def __init__(self, data_root: str, ann_file: str, data_prefix: dict[str, str] | None = None, **kwargs: Any) -> None:
        super().__init__(
            data_root=data_root,
            ann_file=ann_file,
            metainfo=dict(classes=CLASSES),
            data_prefix={**self.DATA_PREFIX, **(data_prefix or {})},
            ignore_index=len(CLASSES),
            **kwargs,
        )

    def get_seg_label_mapping(self, metainfo: dict) -> np.ndarray:
        """(23,) official number -> label; a number beyond it is an error, not something to ignore."""
        return LABEL_OF_NUMBER

    def load_data_list(self) -> list[dict]:
        """The labelled frames with their paths."""
        infos = load_info_pickle(self.ann_file, data_set='waymo')
        for name, value in infos['metainfo'].items():
            self._metainfo.setdefault(name, value)
        labelled = [info for info in infos['data_list'] if 'pts_semantic_mask_path' in info]
        if not labelled:
            raise InputError(
                f'{self.ann_file}: none of its {len(infos["data_list"])} frames has semantic labels; wanted some. The '
                'test split has none, nor have raw records before v1.3.0: download v1.4.3 and convert it, '
                'tools/create_data.py waymo.'
            )
        return [self.parse_data_info(info) for info in labelled]
