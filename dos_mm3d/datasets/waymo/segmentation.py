"""Waymo's 3D semantic segmentation for mmdet3d's segmentors: the frames that have labels."""

import numpy as np
from mmdet3d.registry import DATASETS

from ...errors import InputError
from ..labelled_points import LabelledPoints
from .classes import CLASSES, LABEL_OF_NUMBER, UNDEFINED

PALETTE = (
    (255, 158, 0), (255, 99, 71), (255, 127, 80), (233, 150, 70), (255, 61, 99), (220, 20, 60), (0, 0, 230),
    (138, 43, 226), (186, 85, 211), (112, 128, 144), (47, 79, 79), (255, 20, 147), (199, 21, 133), (222, 184, 135),
    (0, 175, 0), (139, 69, 19), (75, 0, 75), (0, 207, 191), (255, 255, 0), (175, 0, 75), (112, 180, 60),
    (100, 149, 237),
)  # fmt: skip


@DATASETS.register_module()
class WaymoSeg(LabelledPoints):
    """The 22 classes as labels 0 .. 21; undefined is 22, which is ignored, and so are all points of the lidars other
    than TOP, which nobody labelled.

    Takes the frames of the infos that carry `pts_semantic_mask_path`, some one in seven. InputError where none does.
    mmdet3d 1.4.0 has no such data set. Arguments: those of :class:`LabelledPoints`.
    """

    METAINFO = dict(
        classes=CLASSES,
        palette=[list(colour) for colour in PALETTE],
        seg_valid_class_ids=tuple(range(UNDEFINED + 1, len(CLASSES) + 1)),
        seg_all_class_ids=tuple(range(len(CLASSES) + 1)),
    )
    DATA_SET = 'waymo'
    DATA_PREFIX = dict(pts='training/velodyne', pts_semantic_mask='training')

    def get_seg_label_mapping(self, metainfo: dict) -> np.ndarray:
        """(23,) official number -> label; a number beyond it is an error, not something to ignore."""
        return LABEL_OF_NUMBER

    def select(self, data_list: list[dict]) -> list[dict]:
        """The labelled frames."""
        labelled = [info for info in data_list if 'pts_semantic_mask_path' in info]
        if not labelled:
            raise InputError(
                f'{self.ann_file}: none of its {len(data_list)} frames has semantic labels; wanted some. The test '
                'split has none, nor have raw records before v1.3.0: download v1.4.3 and convert it, '
                'tools/create_data.py waymo.'
            )
        return labelled
