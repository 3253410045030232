"""Features between points and the voxels of a stride, as SPVCNN exchanges them (arXiv 2007.16100): trilinear to the
points, and back by means (`reduce_by_row` over `voxel_of_point`).

Coordinates are counted in voxels of stride 1, columns [batch, ...axes]. The voxel of stride s at site q covers
s q <= p < s (q + 1) along every axis, and its feature lies at the corner s q (torchsparse's convention), so that a
point at a lattice point has the voxel's own feature. On the CPU every sum is taken in a fixed order: results are the
same bits on any number of threads.
"""

from collections.abc import Sequence
from itertools import product
from typing import NamedTuple

import torch
from torch import Tensor
from torch.nn import functional as F

from .grid import find_rows
from .host import constant


class Corners(NamedTuple):
    """The 2^d lattice points around each point.

    Attributes:
        rows: (N, 2^d) int64, row of the voxel there, 0 where there is none.
        weights: (N, 2^d) float64, trilinear, 0 where there is none, with sum 1 over those that exist.
    """

    rows: Tensor
    weights: Tensor


@torch.no_grad()
def voxel_of_point(points: Tensor, sites: Tensor, *, stride: int, shape: Sequence[int] | None = None) -> Tensor:
    """Row of the voxel that each point lies in; ValueError if one lies in none.

    points (N, 1 + d) integer or real; sites (S, 1 + d) integer, unique, at ``stride``. Returns (N,) int64.
    shape: sizes (d,) of the sites' grid, in which the points lie, too; None: not known, and a GPU is waited for.
    """
    cells = torch.cat((points[:, :1].long(), _lattice(points, stride).floor().long()), dim=1)
    rows = find_rows(cells, sites, shape)
    if (rows < 0).any():
        raise ValueError(
            f'{int((rows < 0).sum())} of {len(points)} points lie in no voxel of stride {stride}: make the voxels of '
            'these points'
        )
    return rows


@torch.no_grad()
def trilinear_corners(points: Tensor, sites: Tensor, *, stride: int, shape: Sequence[int] | None = None) -> Corners:
    """w(corner) = prod_axes (1 - |p / s - corner|), divided by the sum over the corners that are sites.

    Arguments as in :func:`voxel_of_point`. A point with no site around it gets weights 0 only.
    """
    lattice = _lattice(points, stride)
    low = lattice.floor()
    share = lattice - low
    axes = low.shape[1]
    corners = [step for corner in product((0, 1), repeat=axes) for step in corner]
    steps = constant(corners, torch.int64, points.device).view(-1, axes)
    # (N, 2^d, d) -> (N, 2^d)
    weights = torch.where(steps.bool(), share[:, None], 1 - share[:, None]).prod(2)
    cells = (low.long()[:, None] + steps).flatten(0, 1)
    batch = points[:, :1].long().repeat_interleave(len(steps), dim=0)
    reached = None if shape is None else [size + 1 for size in shape]  # the upper corners of the last voxels
    rows = find_rows(torch.cat((batch, cells), dim=1), sites, reached).view_as(weights)
    weights = weights.masked_fill(rows < 0, 0.0)
    total = weights.sum(1, keepdim=True)
    return Corners(rows.clamp_min(0), weights / total.where(total > 0, 1.0))


def interpolate(features: Tensor, corners: Corners) -> Tensor:
    """(S, C) features of voxels -> (N, C) features of points: sum over corners of weight times feature."""
    weights = corners.weights.to(features.dtype)
    return F.embedding_bag(corners.rows, features, per_sample_weights=weights, mode='sum')


def _lattice(points: Tensor, stride: int) -> Tensor:
    """Coordinates in voxels of ``stride``, in float64: whole numbers stay whole."""
    return points[:, 1:].double() / stride
