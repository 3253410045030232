"""Pretraining on ScanNet's scans, without labels."""

import os
from collections.abc import Sequence

import numpy as np
import torch
from mmdet3d.registry import DATASETS
from mmengine.logging import print_log
from torch import Tensor

from ...errors import InputError, MissingFileError
from ...files import missing_files
from ...functional.augment import indoor_origin
from ..info_pickle import frames_of, load_info_pickle
from ..readers.raw import read_float_table
from ..stream import SweepStream, check_choice
from ..transforms.points import read_normals

SPLITS = ('train', 'val', 'test')
COLUMNS = ('x [m]', 'y [m]', 'z [m]', 'red 0-1', 'green 0-1', 'blue 0-1', 'normal x', 'normal y', 'normal z')


@DATASETS.register_module()
class ScanNetScans(SweepStream):
    """Every scan of some splits, whole, as (N, 9) float32: COLUMNS; unit normals, 0 where a vertex has no face.

    A scan is the mesh that all frames of a recording were fused into (indoors whole scans are pretrained on), so
    nothing of the 2.5 million frames is left out but their noise. The origin is the middle of the scan's box in x and y
    and its lowest point in z, so a range of +- half the largest room holds all scans, however they are turned. Labels
    are not read. MissingFileError where a split was not converted, or one of its files is missing.

    Args:
        data_root: what ``tools/create_data.py scannet`` wrote.
        splits: of 'train', 'val' and 'test'. 'val' is what results are reported on, and the benchmark's rules keep
            'test' for the very last number.
        pipeline: transforms of a sample.
        ann_tag: prefix of the info files.
        on_bad_file: 'error' or 'skip', see :class:`SweepStream`; with 'skip' files may also be missing.
    """

    def __init__(
        self,
        data_root: str,
        splits: Sequence[str] = ('train',),
        pipeline: Sequence[dict] = (),
        ann_tag: str = 'scannet',
        on_bad_file: str = 'error',
    ) -> None:
        super().__init__(pipeline, on_bad_file)
        splits = [splits] if isinstance(splits, str) else list(splits)
        check_choice('splits', splits, SPLITS)
        self.data_root = data_root
        info_files = [os.path.join(data_root, f'{ann_tag}_infos_{split}.pkl') for split in splits]
        self.frames = [
            os.path.join(data_root, 'points', info['lidar_points']['lidar_path'])
            for file in info_files
            for info in frames_of(load_info_pickle(file, data_set='scannet'), file, data_set='scannet')
        ]
        if not self.frames:
            raise InputError(f'{data_root}: the infos of {", ".join(splits)} name no scan: convert ScanNet again')
        if on_bad_file == 'error':
            _check_presence(data_root, [os.path.basename(file) for file in self.frames])
        print_log(f'ScanNetScans: {len(self)} scans ({", ".join(splits)}) below {data_root}.', logger='current')

    def load(self, index: int) -> tuple[Tensor, str]:
        """Points (N, 9) and their file; ValueError, naming it, where it is cut off or colours are not 0 to 255."""
        file = self.frames[index]
        table = read_float_table(file, 6)  # x, y, z, red, green, blue
        points = torch.from_numpy(np.concatenate((table, read_normals(file, len(table))), 1))
        lowest, highest = float(points[:, 3:6].min()), float(points[:, 3:6].max())
        if lowest < 0 or highest > 255:
            raise InputError(f'{file}: found colours from {lowest:g} to {highest:g}, wanted 0 to 255: convert it again')
        points[:, :3] -= indoor_origin(points)
        points[:, 3:6] /= 255
        return points, file


def _check_presence(data_root: str, names: Sequence[str]) -> None:
    """FileNotFoundError for the first file of points or normals that is not there, before training starts."""
    for kind in ('points', 'normals'):
        if missing := missing_files(os.path.join(data_root, kind, name) for name in names):
            raise MissingFileError(
                f'{missing[0]}: missing, the first of {len(missing)} of {len(names)}. '
                "mmdet3d's own script makes no normals: run python tools/create_data.py scannet, or check data_root."
            )
