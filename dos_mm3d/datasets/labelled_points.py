"""What our segmentation data sets share: mmdet3d's, with the classes and folders that the class itself states."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
from mmdet3d.datasets import Seg3DDataset

from ..errors import InputError
from .info_pickle import load_info_pickle


class LabelledPoints(Seg3DDataset):
    """Scans with a class for every point: labels 0 .. K - 1, and K for what is ignored (mmdet3d's convention: the class
    without a name comes last).

    Sub-classes state METAINFO, DATA_PREFIX and DATA_SET, and which entries of the info file are taken.

    Args:
        data_root: folder of the data set.
        ann_file: info file of `tools/create_data.py`, relative to data_root or absolute.
        data_prefix: folders below data_root by kind of file, where they differ from DATA_PREFIX.
        kwargs: those of mmdet3d's Seg3DDataset.
    """

    DATA_SET: ClassVar[str]
    """As tools/create_data.py calls it."""
    DATA_PREFIX: ClassVar[dict[str, str]]

    def __init__(self, data_root: str, ann_file: str, data_prefix: dict[str, str] | None = None, **kwargs: Any) -> None:
        classes = self.METAINFO['classes']
        if fixed := sorted({'metainfo', 'ignore_index'} & kwargs.keys()):
            raise InputError(
                f'{type(self).__name__}: {fixed[0]}={kwargs[fixed[0]]} was given, and it has its own: the '
                f'{len(classes)} classes of the data set, and {len(classes)} for points without one. Leave it out'
            )
        super().__init__(
            data_root=data_root,
            ann_file=ann_file,
            metainfo=dict(classes=classes),
            data_prefix={**self.DATA_PREFIX, **(data_prefix or {})},
            ignore_index=len(classes),
            **kwargs,
        )

    def load_data_list(self) -> list[dict]:
        """The entries that are taken, with the paths of their files."""
        infos = load_info_pickle(self.ann_file, data_set=self.DATA_SET)
        for name, value in infos['metainfo'].items():
            self._metainfo.setdefault(name, value)
        return [self.parse_data_info(info) for info in self.select(infos['data_list'])]

    def select(self, data_list: list[dict]) -> list[dict]:
        """The entries that are taken; all of them by default."""
        return data_list

    @classmethod
    def label_numbers(cls, data_root: str | Path, metainfo: Mapping[str, Any]) -> np.ndarray:
        """(L,) sorted numbers that a label file may hold. metainfo: of the info file."""
        return np.arange(max(cls.METAINFO['seg_all_class_ids']) + 1)
