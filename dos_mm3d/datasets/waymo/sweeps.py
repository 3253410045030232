"""Pretraining on Waymo's frames, without labels."""

import os
from collections.abc import Sequence
from itertools import groupby

import numpy as np
import torch
from mmdet3d.registry import DATASETS
from mmengine.logging import print_log
from torch import Tensor

from ...errors import InputError, MissingFileError
from ..readers.raw import check_column_count, read_float_table
from ..readers.sweep import check_sweep
from ..stream import SweepStream, check_choice
from .frame_record import FOLDERS, POINT_COLUMNS, SPLIT_DIGITS, SPLIT_FOLDERS

USED_COLUMNS = 5
INTENSITY = 3


@DATASETS.register_module()
class WaymoSweeps(SweepStream):
    """Every frame of some splits, all five lidars, as CenterPoint's Waymo configs feed it.

    Samples are (N, 5) float32: x, y, z in metres in the vehicle frame, tanh(intensity), elongation. Neither infos nor
    labels are needed. MissingFileError where a split has no frame, or lacks a segment.

    Args:
        data_root: the folder that holds training/velodyne/.
        splits: of 'training', 'validation', 'testing'. Results are reported on validation.
        load_interval: every so many frames of each segment, beginning with its first.
        segments: numbers of the segments of every split, the three digits after a file name's first; None: all.
        pipeline: transforms of a sample.
        on_bad_file: 'error' or 'skip', see :class:`SweepStream`.
    """

    def __init__(
        self,
        data_root: str,
        splits: Sequence[str] = ('training',),
        load_interval: int = 1,
        segments: Sequence[int] | None = None,
        pipeline: Sequence[dict] = (),
        on_bad_file: str = 'error',
    ) -> None:
        super().__init__(pipeline, on_bad_file)
        check_choice('splits', splits, SPLIT_DIGITS)
        if load_interval < 1:
            raise InputError(f'load_interval must be 1 or more, got {load_interval}')
        self.frames = [file for split in splits for file in find_frames(data_root, split, load_interval, segments)]
        check_column_count(read_float_table(self.frames[0], POINT_COLUMNS).reshape(-1), POINT_COLUMNS, self.frames[0])
        print_log(f'WaymoSweeps: {len(self)} frames of {", ".join(splits)} below {data_root}.', logger='current')

    def load(self, index: int) -> tuple[Tensor, str]:
        """Points (N, 5), x, y, z, tanh(intensity), elongation, and the file."""
        file = self.frames[index]
        table = read_float_table(file, POINT_COLUMNS)
        check_sweep(file, table)
        points = np.ascontiguousarray(table[:, :USED_COLUMNS])
        points[:, INTENSITY] = np.tanh(points[:, INTENSITY])
        return torch.from_numpy(points), file


def find_frames(data_root: str, split: str, load_interval: int = 1, segments: Sequence[int] | None = None) -> list[str]:
    """Sorted point files of a split, every load_interval-th of each of its segments (None: of all). FileNotFoundError
    where there is none, or one of the segments is missing."""
    folder = os.path.join(data_root, SPLIT_FOLDERS[split], FOLDERS['points'])
    names = sorted(os.listdir(folder)) if os.path.isdir(folder) else []
    names = [name for name in names if name[0] == SPLIT_DIGITS[split] and name.endswith('.bin')]
    if not names:
        raise MissingFileError(
            f'{folder}: no frame of {split} ({SPLIT_DIGITS[split]}000000.bin, ...). Check data_root, which holds '
            'training/velodyne/, or convert the raw records: tools/create_data.py waymo --stage records '
            '--raw-path FOLDER.'
        )
    found = {int(digits): list(group) for digits, group in groupby(names, key=lambda name: name[1:4])}
    wanted = list(found) if segments is None else sorted(segments)
    if missing := [number for number in wanted if number not in found]:
        raise MissingFileError(
            f'{folder}: no segment {missing[0]} of {split} ({SPLIT_DIGITS[split]}{missing[0]:03d}000.bin, ...), it has '
            f'{len(found)}. Convert more raw records, or name others: --cfg-options segments=[0,1]'
        )
    return [os.path.join(folder, name) for number in wanted for name in found[number][::load_interval]]
