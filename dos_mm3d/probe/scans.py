"""Key frames with per-point labels, fed to the probe exactly as pretraining reads them."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from ..datasets.info_pickle import load_info_pickle
from ..datasets.nuscenes.classes import CLASSES, read_class_table
from ..datasets.nuscenes.scenes import read_scene_of_sample
from ..datasets.nuscenes.sweeps import NuScenesSweeps
from ..errors import InputError, MissingFileError
from ..structures import Grid
from .labelled_scans import LabelledScans


@dataclass(frozen=True)
class ProbeScan:
    """One labelled scan inside the point cloud range.

    Args:
        points: (N, C) float32 x, y, z in metres, then what else the encoder sees, older sweeps included; of nuScenes
            intensity and time lag in s.
        key_rows: (n,) int64, rows of the labelled scan's own points: where features are read and classes are known.
        labels: (n,) int64, 0 ignored, i + 1 is class i of the data set.
    """

    points: Tensor
    key_rows: Tensor
    labels: Tensor


class KeyFrames(LabelledScans):
    """The key frames of some nuScenes scenes with their lidarseg classes, read anew at every access.

    Args:
        data_root: folder of the data set.
        ann_file: mmdet3d's info file, below it.
        num_sweeps: sweeps of a scan, the key frame's own among them.
        scenes: scene names, None for all of the file.

    FileNotFoundError for a missing file, ValueError for a scene that is not there or a label file of another length
    than its sweep.
    """

    channels = ('x [m]', 'y [m]', 'z [m]', 'intensity 0-255', 'time lag [s]')
    classes = CLASSES

    def __init__(self, data_root: str, ann_file: str, *, num_sweeps: int, scenes: Sequence[str] | None = None) -> None:
        self.sweeps = NuScenesSweeps(data_root, ann_file, num_sweeps=num_sweeps, scenes=scenes)
        infos = load_info_pickle(str(Path(data_root) / ann_file))
        tables = Path(data_root) / infos['metainfo']['version']
        self.class_of_index = read_class_table(tables / 'category.json')
        self.label_files = _label_files(infos['data_list'], Path(data_root) / 'lidarseg' / infos['metainfo']['version'])
        self.names = [Path(self.sweeps.table.paths[row]).name for row in self.sweeps.frames]
        scene_of = read_scene_of_sample(tables)
        of_file = {Path(i['lidar_points']['lidar_path']).name: scene_of[i['token']] for i in infos['data_list']}
        self.sequences = [of_file[name] for name in self.names]

    def read(self, index: int) -> tuple[Tensor, Tensor]:
        # the key frame's own points come first, whatever sweeps follow
        points, file = self.sweeps.load(index)
        return points, self.read_labels(file)

    def read_labels(self, lidar_file: str) -> Tensor:
        """(n,) classes of a key frame's points, in the order of its file."""
        path = self.label_files.get(Path(lidar_file).name)
        if path is None or not path.is_file():
            raise MissingFileError(f'{path or lidar_file}: no lidarseg labels of this key frame; the probe needs them')
        indices: NDArray[np.uint8] = np.fromfile(path, np.uint8)
        n_points = Path(lidar_file).stat().st_size // (5 * 4)
        if len(indices) != n_points:
            raise InputError(f'{path}: {len(indices)} labels for the {n_points} points of {lidar_file}')
        return torch.from_numpy(self.class_of_index[indices].astype(np.int64))


class ProbeScans(Sequence[ProbeScan]):
    """Labelled scans as an encoder sees them, read anew at every access: the points in its grid.

    Args:
        scans: as their files give them.
        grid: of the encoder's voxels.
    """

    def __init__(self, scans: LabelledScans, grid: Grid) -> None:
        self.scans, self.grid = scans, grid

    def __len__(self) -> int:
        return len(self.scans)

    def __getitem__(self, index: int) -> ProbeScan:
        if not 0 <= index < len(self):
            raise IndexError(f'scan {index} of {len(self)}')
        return self.seen(*self.scans.read(index))

    def seen(self, points: Tensor, labels: Tensor) -> ProbeScan:
        """The points (N, C) in the grid; labels (n,) are those of the first n points."""
        # by voxel, not by metre: float32 rounding decides on the border, and it must decide as in the voxel layer
        _, inside = self.grid.voxels(points[:, :3])
        inside_key = inside[: len(labels)]
        return ProbeScan(points[inside], torch.arange(int(inside_key.sum())), labels[inside_key])


def _label_files(data_list: Sequence[dict], folder: Path) -> dict[str, Path]:
    """File name of a key frame's sweep -> its label file."""
    return {
        Path(info['lidar_points']['lidar_path']).name: folder / Path(info['pts_semantic_mask_path']).name
        for info in data_list
        if 'pts_semantic_mask_path' in info
    }


def scene_names(data_root: str, ann_file: str) -> list[str]:
    """Names of the scenes of an info file, in its order."""
    infos = load_info_pickle(str(Path(data_root) / ann_file))
    scene_of = read_scene_of_sample(Path(data_root) / infos['metainfo']['version'])
    return list(dict.fromkeys(scene_of[info['token']] for info in infos['data_list']))
