"""Exact correspondences between two views of one scan: a join on raw point indices (architecture.md, decision 3)."""

import torch
from torch import Tensor


def match_cells(origin_a: Tensor, cell_a: Tensor, origin_b: Tensor, cell_b: Tensor, num_cells_a: int) -> Tensor:
    """For every cell of view a the cell of view b that holds most of its raw points.

    Args:
        origin_a, origin_b: (n_a,), (n_b,) int64 raw index of each point; no index twice within a view.
        cell_a, cell_b: (n_a,), (n_b,) int64 row of each point's cell.

    Returns:
        (num_cells_a,) int64 row of the cell in b, the lowest row on a tie, -1 where no raw point is shared.
    """
    if len(origin_a) == 0 or len(origin_b) == 0:
        return torch.full((num_cells_a,), -1, dtype=torch.int64)
    n_raw = int(max(origin_a.max(), origin_b.max())) + 1
    num_cells_b = int(cell_b.max()) + 1
    cell_b_of_raw = torch.full((n_raw,), -1, dtype=torch.int64)
    cell_b_of_raw[origin_b] = cell_b
    partner = cell_b_of_raw[origin_a]
    shared = partner >= 0
    pairs, n_shared = torch.unique(cell_a[shared] * num_cells_b + partner[shared], return_counts=True)
    row_a, row_b = pairs // num_cells_b, pairs % num_cells_b
    most = torch.zeros(num_cells_a, dtype=torch.int64).scatter_reduce(0, row_a, n_shared, 'amax')
    best = n_shared == most[row_a]
    match = torch.full((num_cells_a,), num_cells_b, dtype=torch.int64)
    match = match.scatter_reduce(0, row_a[best], row_b[best], 'amin')
    return torch.where(match == num_cells_b, -1, match)
