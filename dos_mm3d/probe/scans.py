"""Scans with a class for every point: as the files of a data set give them, and as an encoder sees them."""

import os
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from mmdet3d.registry import DATASETS
from mmengine.config import ConfigDict
from mmengine.registry import init_default_scope
from numpy.typing import NDArray
from torch import Tensor
from torch.utils.data import Subset

from ..datasets.info_pickle import load_info_pickle
from ..datasets.nuscenes.classes import CLASSES, read_class_table
from ..datasets.nuscenes.scenes import read_scene_of_sample, tables_of
from ..datasets.nuscenes.sweeps import NuScenesSweeps
from ..errors import InputError, MissingFileError
from ..spread import evenly_spread
from ..structures import Grid


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


class LabelledScans(ABC):
    """Scans of some sequences.

    Attributes:
        channels: names of the columns, e.g. 'x [m]', 'intensity 0-255', 'time lag [s]'.
        classes: label i + 1 is classes[i], label 0 is ignored.
        names: of each scan, unique, alike wherever the data lie.
        sequences: of each scan, the scene, drive or room that it belongs to: what may not be split between training
            and test.
    """

    channels: tuple[str, ...]
    classes: tuple[str, ...]
    names: list[str]
    sequences: list[str]

    def __len__(self) -> int:
        return len(self.names)

    @abstractmethod
    def read(self, index: int) -> tuple[Tensor, Tensor]:
        """Points (N, C) float32 and labels (n,) int64 of the first n <= N of them (those behind are older sweeps).
        FileNotFoundError or ValueError, naming the file, where they cannot be read."""


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
        tables = tables_of(data_root, infos['metainfo'])
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


class Seg3DScans(LabelledScans):
    """What the data set of a segmentation config reads, for any sub-class of mmdet3d's Seg3DDataset.

    Args:
        dataset: config of the data set with a pipeline that does not augment; its packing is left out.
        channels: names of the points' columns.
        sequence_of: entry of the infos -> name of its sequence.
        sequences: those to keep, None for all.

    ValueError where the points have other columns than `channels`, or none of the sequences is there.
    """

    def __init__(
        self,
        dataset: Mapping[str, Any],
        *,
        channels: Sequence[str],
        sequence_of: Callable[[Mapping[str, Any]], str],
        sequences: Sequence[str] | None = None,
    ) -> None:
        init_default_scope('mmdet3d')
        self.dataset = DATASETS.build(reading_only(dataset))
        self.channels = tuple(channels)
        self.classes = tuple(self.dataset.metainfo['classes'])
        infos = [self.dataset.get_data_info(index) for index in range(len(self.dataset))]
        found = [sequence_of(info) for info in infos]
        self.indices = [i for i, name in enumerate(found) if sequences is None or name in set(sequences)]
        if not self.indices:
            raise InputError(
                f'{self.dataset.ann_file}: has no scan of the sequences {list(sequences or ())}; it has '
                f'{sorted(set(found))}'
            )
        root = self.dataset.data_root or '.'
        self.names = [os.path.relpath(infos[i]['lidar_points']['lidar_path'], root) for i in self.indices]
        self.sequences = [found[i] for i in self.indices]

    def read(self, index: int) -> tuple[Tensor, Tensor]:
        content = self.dataset[self.indices[index]]
        name, points = self.names[index], content['points'].tensor
        # mmdet3d puts the labels of a test set among what is only evaluated
        mask = content.get('pts_semantic_mask', content.get('eval_ann_info', {}).get('pts_semantic_mask'))
        if mask is None:
            raise InputError(f'{name}: its infos name no labels; wanted a split with labels for every point')
        if points.shape[1] != len(self.channels):
            raise InputError(
                f'{name}: its points have {points.shape[1]} columns, wanted {len(self.channels)}: '
                f'{", ".join(self.channels)}'
            )
        if len(mask) != len(points):
            raise InputError(f'{name}: {len(mask)} labels for its {len(points)} points')
        return points, self.one_based(np.asarray(mask), name)

    def one_based(self, mask: np.ndarray, name: str) -> Tensor:
        """(n,) labels of mmdet3d, 0 ... K - 1 and ignore_index -> 1 ... K and 0; ValueError for others."""
        labels = torch.from_numpy(mask.astype(np.int64))
        known = (labels >= 0) & (labels < len(self.classes))
        if bool((strange := labels[~known & (labels != self.dataset.ignore_index)]).numel()):
            raise InputError(
                f'{name}: found the labels {strange.unique().tolist()[:8]}, wanted 0 to {len(self.classes) - 1} and '
                f'{self.dataset.ignore_index} for what is ignored'
            )
        return torch.where(known, labels + 1, 0)


def reading_only(dataset: Mapping[str, Any]) -> dict[str, Any]:
    """A data set's config whose pipeline ends before packing, in test mode: nothing is skipped, nothing repeated."""
    plain = dataset.to_dict() if isinstance(dataset, ConfigDict) else dict(dataset)
    steps = [step for step in plain['pipeline'] if step['type'] != 'Pack3DDetInputs']
    return {**plain, 'pipeline': steps, 'test_mode': True}


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


def spread(scans: Sequence[ProbeScan], count: int) -> Subset[ProbeScan]:
    """At most `count` scans, evenly spread over others: read when asked for."""
    return Subset(scans, evenly_spread(range(len(scans)), count))


def _label_files(data_list: Sequence[dict], folder: Path) -> dict[str, Path]:
    """File name of a key frame's sweep -> its label file."""
    return {
        Path(info['lidar_points']['lidar_path']).name: folder / Path(info['pts_semantic_mask_path']).name
        for info in data_list
        if 'pts_semantic_mask_path' in info
    }
