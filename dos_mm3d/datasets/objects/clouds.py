"""Pretraining on prepared clouds of objects, without labels."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from mmdet3d.registry import DATASETS
from mmengine.logging import print_log
from torch import Tensor

from ...errors import InputError
from ..stream import SweepStream, check_choice
from .object_set import ObjectSet, splits_in


@DATASETS.register_module()
class ObjectClouds(SweepStream):
    """The clouds of one or several prepared sets (:class:`ObjectSet`), each as often as any other, (N, 3) float32.

    Args:
        data_root: folder of a prepared set, or of several.
        sets: sub-folders of the prepared sets to draw from; '.': the folder itself.
        splits: of each set, such as 'train'.
        least_points: objects with fewer are left out.
        pipeline: transforms of a sample.
        on_bad_file: 'error' or 'skip', see :class:`SweepStream`.
    """

    def __init__(
        self,
        data_root: str,
        sets: Sequence[str] = ('.',),
        splits: Sequence[str] = ('train',),
        least_points: int = 1,
        pipeline: Sequence[dict] = (),
        on_bad_file: str = 'error',
    ) -> None:
        super().__init__(pipeline, on_bad_file)
        sets, splits = ([given] if isinstance(given, str) else list(given) for given in (sets, splits))
        if not sets or len({Path(data_root, name).resolve() for name in sets}) < len(sets):
            raise InputError(f'sets must be different sub-folders of {data_root}, at least one, got {sets}')
        self.frames: list[tuple[ObjectSet, str, int]] = []
        for folder in (Path(data_root, name) for name in sets):
            if known := splits_in(folder):
                check_choice(f'splits of {folder}', splits, known)
            for split in splits:
                self._add(folder, split, least_points)
        if not self.frames:
            raise InputError(f'{data_root}: none of the objects of {sets} has {least_points} points (least_points)')

    def _add(self, folder: Path, split: str, least_points: int) -> None:
        """The objects of a split that have enough points; says how many."""
        found = ObjectSet.open(folder, split)
        enough = np.flatnonzero(np.diff(found.offsets) >= least_points).tolist()
        self.frames += [(found, f'{folder / split}: {found.names[index]}', index) for index in enough]
        few = len(found) - len(enough)
        left_out = f'; {few} with fewer than {least_points} points are left out' if few else ''
        print_log(f'ObjectClouds: {len(enough)} objects of {folder / split}{left_out}.', logger='current')

    def load(self, index: int) -> tuple[Tensor, str]:
        """Points (N, 3), z up, and where they are from: folder, split and name."""
        objects, name, row = self.frames[index]
        return torch.from_numpy(objects.cloud(row)), name
