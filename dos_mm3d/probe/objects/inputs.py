"""How a cloud of an object becomes what a network is fed, while it is judged."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np
import torch
from torch import Generator, Tensor
from torch.utils.data import DataLoader, Dataset

from ...cpu.patches import farthest_points
from ...datasets.objects import ObjectSet
from ...datasets.stream import sample_generator
from ...datasets.transforms.object_crops import random_rows
from ...errors import InputError
from ...functional.augment import rotation, uniform
from ...functional.patches import gather_patches, in_unit_sphere, patch_rows
from ...structures import CropSet, stack_crops

FULL_TURN_RAD = 2 * np.pi


class FedObjects(NamedTuple):
    """A batch of R clouds.

    Args:
        points: (R, N, 3) in the unit sphere.
        patches: (R, P, K, 3) relative to their centres.
        centres: (R, P, 3) in the unit sphere.
    """

    points: Tensor
    patches: Tensor
    centres: Tensor


@dataclass(frozen=True)
class ObjectInput:
    """Sizes of what is fed, and the augmentation.

    Args:
        points: N of each cloud; of more the farthest from each other are taken, fewer are repeated.
        patches: P.
        points_per_patch: K.
        scale: range of the factors of the three axes; None: not scaled.
        turned: whether clouds are turned about z by any angle.
    """

    points: int
    patches: int
    points_per_patch: int
    scale: tuple[float, float] | None = None
    turned: bool = False

    def __post_init__(self) -> None:
        if min(self.patches, self.points_per_patch) < 1 or max(self.patches, self.points_per_patch) > self.points:
            raise InputError(
                f'{self.points} points of a cloud hold no {self.patches} patches of {self.points_per_patch}; wanted '
                'as many points as either, at least'
            )

    @property
    def plain(self) -> 'ObjectInput':
        """Without augmentation."""
        return replace(self, scale=None, turned=False)

    def draw(self, cloud: Tensor, generator: Generator) -> tuple[CropSet, Tensor]:
        """One cloud (n, 3) as a set of one crop, and the rows (N,) of the cloud that its points are."""
        rows = drawn_rows(cloud, self.points, generator)
        points = cloud[rows]
        if self.turned:
            points = points @ rotation(uniform(0, FULL_TURN_RAD, generator), 0, 0).T
        if self.scale is not None:
            points = points * torch.empty(3).uniform_(*self.scale, generator=generator)
        start = int(torch.randint(len(points), (), generator=generator))
        found = patch_rows(points, self.patches, self.points_per_patch, start=start)
        return CropSet(points[None], *(part[None] for part in found)), rows


def drawn_rows(cloud: Tensor, count: int, generator: Generator) -> Tensor:
    """Rows (count,) int64 of a cloud (n, 3): farthest point sampling from a random start where there are more; else in
    random order, each as often as another, or once more."""
    n = len(cloud)
    if n > count:
        return farthest_points(cloud, count, start=int(torch.randint(n, (), generator=generator)))
    return random_rows(n, count, generator)


class DrawnClouds(Dataset):
    """Some clouds of a set, each drawn anew in every pass: a function of (seed, pass, cloud) alone.

    Args:
        objects: the set.
        rows: of the clouds.
        fed: how they are fed.
        labels: (len(rows),) int64 of these clouds; None: those of the set.
        seed: of all draws.
    """

    def __init__(
        self,
        objects: ObjectSet,
        rows: Sequence[int],
        fed: ObjectInput,
        labels: Sequence[int] | None = None,
        seed: int = 0,
    ) -> None:
        self.objects, self.rows, self.fed, self.seed = objects, [int(row) for row in rows], fed, seed
        self.labels = np.asarray(objects.labels[self.rows] if labels is None else labels, np.int64)
        self.epoch = 0

    def __len__(self) -> int:
        return len(self.rows)

    def __getitem__(self, position: int) -> tuple[CropSet, int, Tensor]:
        """The crop, its label, and for each of its points the row in the cloud."""
        row = self.rows[position]
        generator = sample_generator(self.seed, row, self.epoch)
        crop, rows = self.fed.draw(torch.from_numpy(self.objects.cloud(row)), generator)
        return crop, int(self.labels[position]), rows

    def loader(self, batches: Sequence[Sequence[int]], workers: int = 0) -> DataLoader:
        """Batches (stacked crops, labels (R,), rows in the clouds (R, N)) of the given positions."""
        return DataLoader(self, batch_sampler=batches, collate_fn=_collate, num_workers=workers)


def _collate(items: Sequence[tuple[CropSet, int, Tensor]]) -> tuple[CropSet, Tensor, Tensor]:
    crops, labels, rows = zip(*items)
    return stack_crops(crops), torch.tensor(labels), torch.stack(rows)


def feed(crops: CropSet, device: torch.device) -> FedObjects:
    """Stacked crops on a device, in the unit sphere, cut into patches."""
    points = in_unit_sphere(crops.points.to(device))
    rows = crops.centre_rows.to(device), crops.patch_rows.to(device)
    return FedObjects(points, *gather_patches(points, *rows))


def in_order(count: int, batch_size: int) -> list[list[int]]:
    """All positions in their order, in batches."""
    return [list(range(start, min(start + batch_size, count))) for start in range(0, count, batch_size)]
