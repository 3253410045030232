"""Scans with a class for every point, of any data set, as its files give them: before they are fed to an encoder."""

import os
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import torch
from mmdet3d.registry import DATASETS
from mmengine.config import ConfigDict
from mmengine.registry import init_default_scope
from torch import Tensor

from ..errors import InputError

PACKING = ('Pack3DDetInputs',)


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
    steps = [step for step in plain['pipeline'] if step['type'] not in PACKING]
    return {**plain, 'pipeline': steps, 'test_mode': True}
