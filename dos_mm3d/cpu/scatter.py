"""Points gathered into cells: maximum, mean or sum per cell, the same bits on any number of threads."""

import torch
from torch import Tensor

from .cell_kernels import order_of_rows
from .cell_keys import cell_keys, cells_of_keys

REDUCTIONS = ('max', 'mean', 'sum')


def occupied_cells(coords: Tensor) -> tuple[Tensor, Tensor]:
    """Unique rows of (N, d) integer cells, in ascending order (m, d), and the row of each point, (N,) int64.

    A point with a negative coordinate lies in no cell: its row is -1. That is how mmcv 2.1's CUDA scatter lists them.
    """
    row_of_point = coords.new_full((len(coords),), -1, dtype=torch.int64)
    kept = (coords >= 0).all(1).nonzero().squeeze(1)
    if not len(kept):
        return coords[:0], row_of_point
    inside = coords[kept]
    shape = (inside.amax(0) + 1).tolist()
    keys, row_of_point[kept] = cell_keys(inside, shape).unique(return_inverse=True)
    return cells_of_keys(keys, shape).to(coords.dtype), row_of_point


def reduce_by_row(values: Tensor, row_of_point: Tensor, n_rows: int, *, reduction: str) -> Tensor:
    """(N, C) values and the row of each in 0 .. n_rows - 1 -> (n_rows, C), row by row 'max', 'mean' or 'sum'.

    Points are brought into the order of their rows, and one thread sums a row from first to last. The gradient of a
    maximum that several points share is split evenly. Every row needs a point, except for sums.
    """
    if reduction not in REDUCTIONS:
        raise ValueError(f'reduction is {reduction!r}, wanted one of {REDUCTIONS}')
    if not len(values):
        return values.new_zeros(n_rows, values.shape[1])
    lengths = points_in_rows(row_of_point, n_rows)  # first: it refuses a row beyond the others, the loop does not look
    if row_of_point.device.type == 'cpu':
        order = torch.from_numpy(order_of_rows(row_of_point.contiguous().numpy(), n_rows))
    else:
        order = row_of_point.argsort(stable=True)
    # index_select, not [order]: the gradient of the latter adds up in any order on several CPU threads.
    # unsafe: no look at the lengths, for which a GPU would be waited for
    return torch.segment_reduce(values.index_select(0, order), reduction, lengths=lengths, axis=0, unsafe=True)


def points_in_rows(row_of_point: Tensor, n_rows: int) -> Tensor:
    """(n_rows,) int64: how many of (N,) int64 rows in 0 .. n_rows - 1 are each of them. A GPU is not waited for, as
    bincount does, which looks for the largest."""
    return row_of_point.new_zeros(n_rows).scatter_add_(0, row_of_point, torch.ones_like(row_of_point))


def scatter_points(features: Tensor, coords: Tensor, reduction: str = 'max') -> tuple[Tensor, Tensor, Tensor]:
    """What mmcv's CUDA operator `dynamic_point_to_voxel` computes, on any device.

    features (N, C); coords (N, d) integer cells, points with a negative one are left out. Returns the reduced features
    (m, C), their cells (m, d) in ascending order, and the row of each point, (N,) int32, -1 where left out.
    """
    cells, row_of_point = occupied_cells(coords)
    kept = (row_of_point >= 0).nonzero().squeeze(1)
    values = reduce_by_row(features.index_select(0, kept), row_of_point[kept], len(cells), reduction=reduction)
    return values, cells, row_of_point.int()


def mean_over_points(features: Tensor, site_of_point: Tensor, cell_of_point: Tensor, n_cells: int) -> Tensor:
    """Mean over the points of each cell of the features of the sites that the points lie in.

    features (S, C); site_of_point, cell_of_point (N,) int64; every cell holds a point. Returns (n_cells, C). Points of
    one cell and one site are taken together, so that memory goes with the number of such pairs.
    """
    n_sites = max(len(features), 1)
    pairs, counts = (cell_of_point * n_sites + site_of_point).unique(return_counts=True)
    cell, site = pairs // n_sites, pairs % n_sites
    share = counts / points_in_rows(cell_of_point, n_cells)[cell]
    weighted = features.index_select(0, site) * share.to(features)[:, None]
    return reduce_by_row(weighted, cell, n_cells, reduction='sum')
