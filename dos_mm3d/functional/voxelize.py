"""Hard voxelisation by sorting: what mmcv's operator computes, without its table of the whole grid."""

from collections.abc import Sequence

import torch
from torch import Tensor

from ..cpu.cell_keys import cell_keys


def hard_voxelize(
    points: Tensor, coords: Tensor, shape: Sequence[int], *, max_points: int
) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Every occupied voxel with its first ``max_points`` points, in the order in which mmcv 2.1 lists them.

    mmcv's CPU operator fills a table with one entry per cell of the grid at every call (10 million for CenterPoint's
    voxel-0.2 grid, 27 ms); sorting 20 000 points takes 3 ms. Runs on any device.

    Args:
        points: (n, C) float32.
        coords: (n, 3) int64 z, y, x, the voxel of each point.
        shape: voxels of the grid along z, y, x; all points lie in it.
        max_points: points kept per voxel; later ones are left out.

    Returns:
        voxels (v, max_points, C) zero-filled, coors (v, 3) int32 z, y, x, num_points (v,) int32, and the row of each
        voxel's first point (v,) int64; voxels in the order of their first points.
    """
    keys, order = cell_keys(coords, shape).sort(stable=True)
    starts = torch.ones_like(keys, dtype=torch.bool)
    starts[1:] = keys[1:] != keys[:-1]
    first = starts.nonzero().squeeze(1)
    group = starts.cumsum(0) - 1
    rank_in_voxel = torch.arange(len(keys), device=keys.device) - first[group]
    by_appearance = order[first].argsort()
    row_of_group = torch.empty_like(by_appearance)
    row_of_group[by_appearance] = torch.arange(len(first), device=keys.device)

    kept = rank_in_voxel < max_points
    voxels = points.new_zeros(len(first), max_points, points.shape[1])
    voxels[row_of_group[group[kept]], rank_in_voxel[kept]] = points[order[kept]]
    num_points = torch.zeros(len(first), dtype=torch.int32, device=keys.device)
    num_points[row_of_group] = group.bincount(minlength=len(first)).clamp_max(max_points).int()
    first_point = order[first][by_appearance]
    return voxels, coords[first_point].int(), num_points, first_point
