"""Patches of a point cloud on the CPU: farthest point sampling and nearest neighbours (docs/objects.md, "Patches").

The sampler is a compiled loop. Of fpsample 0.3.3, which AsymDSD uses, the fastest variant (k-d lines, h = 3) takes as
long, but begins at another point than the one that is asked for; the plain one, which does not, takes three times as
long (64 centres of 1024 points on one core: 0.10, 0.10 and 0.28 ms). Neighbours are scipy's.
"""

import numpy as np
import torch
from numba import njit
from scipy.spatial import cKDTree
from torch import Tensor


def farthest_points(points: Tensor, count: int, *, start: int) -> Tensor:
    """Rows (count,) int64 of points that lie far apart: each is the farthest from all before it, the first ``start``.

    Of equally far points the first row is taken. Where fewer than ``count`` points differ, row 0 is repeated.

    Args:
        points: (N, 3) in any unit; distances are compared in float32.
        count: how many, 1 <= count <= N.
        start: row of the first one.
    """
    if points.ndim != 2 or points.shape[1] != 3 or not 1 <= count <= len(points) or not 0 <= start < len(points):
        raise ValueError(f'wanted {count} of points (N, 3) from row {start} on, got points {tuple(points.shape)}')
    return torch.from_numpy(_farthest(np.ascontiguousarray(points.detach().float().numpy()), count, start))


def nearest_points(points: Tensor, centres: Tensor, count: int) -> Tensor:
    """Rows (P, count) int64 of the ``count`` points nearest to each centre, the nearest first.

    A centre that is one of the points comes first; equally near points come in any order, the same for the same input.

    Args:
        points: (N, 3) in any unit, N >= count.
        centres: (P, 3).
        count: points of a patch.
    """
    if len(points) < count:
        raise ValueError(f'{len(points)} points hold no patch of {count}: repeat points, or lower points_per_patch')
    _, rows = cKDTree(points.detach().numpy()).query(centres.detach().numpy(), np.arange(1, count + 1))
    return torch.from_numpy(rows.astype(np.int64))


@njit(cache=True, nogil=True)
def _farthest(points, count, start):
    """:func:`farthest_points` of (N, 3) float32; squared distances."""
    distance = np.full(len(points), np.float32(np.inf))
    chosen = np.empty(count, np.int64)
    row = start
    for i in range(count):
        chosen[i] = row
        x, y, z = points[row, 0], points[row, 1], points[row, 2]
        farthest, row = np.float32(0), 0
        for j in range(len(points)):
            dx, dy, dz = points[j, 0] - x, points[j, 1] - y, points[j, 2] - z
            distance[j] = min(distance[j], dx * dx + dy * dy + dz * dz)
            if distance[j] > farthest:
                farthest, row = distance[j], j
    return chosen
