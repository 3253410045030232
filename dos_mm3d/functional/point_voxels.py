"""Every point to a voxel and back: no range, no limit, so that each raw point gets a prediction."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from ..cpu.scatter import occupied_cells, reduce_by_row
from ..errors import InputError
from .grid import point_cells

LARGEST_CELL = 2**16 - 2  # what the space-filling curves can number


@dataclass(frozen=True)
class PointVoxels:
    """The occupied voxels of B clouds, sorted by cloud, and where each point lies.

    Args:
        mean: (V, C) float32, mean of the columns of each voxel's points.
        grid_coord: (V, 3) int64 x, y, z, counted from each cloud's smallest cell.
        batch: (V,) int64, number of the cloud.
        voxel_of_point: (N,) int64, points of one cloud after the other.
        sizes: points of each cloud.
    """

    mean: Tensor
    grid_coord: Tensor
    batch: Tensor
    voxel_of_point: Tensor
    sizes: tuple[int, ...]


def voxelize_points(points: Sequence[Tensor], *, voxel_size_m: Sequence[float]) -> PointVoxels:
    """Clouds (n, C), first columns x, y, z in metres -> voxels of the lattice through the sensor's origin.

    ValueError for a cloud without points, or with a coordinate that is not finite or out of all proportion.
    """
    cells = [_cells_from_zero(cloud, voxel_size_m, number) for number, cloud in enumerate(points)]
    sizes = tuple(map(len, points))
    number = torch.arange(len(sizes), device=cells[0].device)
    batch = number.repeat_interleave(torch.tensor(sizes, device=number.device))
    sites = torch.cat((batch[:, None], torch.cat(cells)), dim=1)
    site, voxel_of_point = occupied_cells(sites)
    mean = reduce_by_row(torch.cat(list(points)).float(), voxel_of_point, len(site), reduction='mean')
    return PointVoxels(mean, site[:, 1:], site[:, 0], voxel_of_point, sizes)


def _cells_from_zero(cloud: Tensor, voxel_size_m: Sequence[float], number: int) -> Tensor:
    """(n, 3) int64 x, y, z >= 0."""
    if not len(cloud) or not torch.isfinite(cloud[:, :3]).all():
        raise InputError(
            f'cloud {number} of the batch has {len(cloud)} points, some perhaps with NaN or infinite coordinates; '
            'wanted at least one point and finite x, y, z: check the files, and range filters in the pipeline'
        )
    cells = point_cells(cloud[:, :3], [0.0, 0.0, 0.0], list(voxel_size_m)).flip(1)
    cells = cells - cells.amin(0)
    if int(cells.amax()) > LARGEST_CELL:
        raise InputError(
            f'cloud {number} of the batch spans {int(cells.amax()) + 1} voxels of {list(voxel_size_m)} m, wanted at '
            f'most {LARGEST_CELL + 1}: enlarge voxel_size, or filter far points'
        )
    return cells
