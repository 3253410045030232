"""Pretraining on KITTI's sweeps, without labels."""

import os
from collections.abc import Sequence
from pathlib import Path

from mmdet3d.registry import DATASETS
from mmengine.logging import print_log

from ...errors import InputError, MissingFileError
from ..folder import FolderSweeps, find_sweeps
from ..stream import check_choice
from .check import read_list
from .layout import SPLITS

KINDS = ('velodyne', 'velodyne_reduced')


@DATASETS.register_module()
class KittiSweeps(FolderSweeps):
    """Every sweep of training/ and testing/, as (N, 4) float32: x, y, z in metres, intensity 0-1.

    Whole turns where they are there (velodyne/), else what the camera sees of them (velodyne_reduced/). Neither infos,
    labels nor calibrations are needed, and frames that no list names are drawn, too.

    Args:
        data_root: the folder that holds training/.
        leave_out: lists of ImageSets/ whose frames are not drawn. Results are reported on 'val'.
        pipeline: transforms of a sample.
        on_bad_file: 'error' or 'skip', see :class:`SweepStream`.
    """

    def __init__(
        self,
        data_root: str,
        leave_out: Sequence[str] = ('val',),
        pipeline: Sequence[dict] = (),
        on_bad_file: str = 'error',
    ) -> None:
        if leave_out:
            check_choice('leave_out', leave_out, SPLITS)
        self.leave_out = tuple(leave_out)
        super().__init__(data_root, pipeline, bin_columns=4, on_bad_file=on_bad_file)
        if wrong := sorted({scale for scale in self.scales.values() if scale != 1}):
            raise InputError(
                f'{data_root}: found intensities up to {wrong[-1]:g}; wanted 0 to 1. These are not '
                "KITTI's sweeps: use FolderSweeps, which scales them."
            )

    def find(self, exclude: Sequence[str]) -> list[str]:
        """The sweeps of both folders but for the frames that are left out, sorted."""
        folders = [folder for part in ('training', 'testing') if (folder := self._folder(part)) is not None]
        if not folders:
            raise MissingFileError(
                f'{os.path.join(self.data_root, "training", KINDS[0])}: no such folder, testing/ neither; wanted '
                "KITTI's sweeps. Check data_root (it holds training/), or unpack data_object_velodyne.zip there."
            )
        held_back = {split: self._listed(split) for split in self.leave_out}
        files = []
        for folder in folders:
            part = Path(folder).parent.name
            names = {f'{name}.bin' for split in self.leave_out if SPLITS[split] == part for name in held_back[split]}
            found = find_sweeps(folder, exclude)
            files += [file for file in found if os.path.basename(file) not in names]
        if not files:
            raise InputError(f'{self.data_root}: every sweep is in {", ".join(self.leave_out)}, which leave_out names')
        print_log(f'KittiSweeps: {len(files)} sweeps of {", ".join(folders)}.', logger='current')
        return files

    def _folder(self, part: str) -> str | None:
        """Of the whole sweeps of training/ or testing/, else of the reduced ones; None without either."""
        folders = (os.path.join(self.data_root, part, kind) for kind in KINDS)
        return next((folder for folder in folders if os.path.isdir(folder)), None)

    def _listed(self, split: str) -> list[str]:
        path = Path(self.data_root, 'ImageSets', f'{split}.txt')
        if not path.is_file():
            raise MissingFileError(
                f'{path}: missing, so which frames are left out is not known. Put the list there, or draw all: '
                '--cfg-options leave_out=[]'
            )
        return read_list(path)
