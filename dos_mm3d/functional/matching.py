"""Exact correspondences between two views of one scan: a join on raw point indices.

docs/method.md, "Correspondences".
"""

import torch
from torch import Tensor

from ..cpu.cell_kernels import most_shared


def match_cells(origin_a: Tensor, cell_a: Tensor, origin_b: Tensor, cell_b: Tensor, num_cells_a: int) -> Tensor:
    """For every cell of view a the cell of view b that holds most of its raw points; on the CPU.

    Args:
        origin_a: (n_a,) int64 raw index of each point of view a; no index twice within a view.
        cell_a: (n_a,) int64 row of each point's cell.
        origin_b: (n_b,), the same of view b.
        cell_b: (n_b,), the same of view b.
        num_cells_a: cells of view a, also those without a point.

    Returns:
        (num_cells_a,) int64 row of the cell in b, the lowest row on a tie, -1 where no raw point is shared.

    Raises:
        ValueError: rows are negative or, of view a, beyond its cells, or origins and cells differ in number.
    """
    if origin_a.shape != cell_a.shape or origin_b.shape != cell_b.shape:
        raise ValueError(
            f'every point has an origin and a cell: got {len(origin_a)} and {len(cell_a)} for view a, '
            f'{len(origin_b)} and {len(cell_b)} for view b'
        )
    if len(origin_a) == 0 or len(origin_b) == 0:
        return torch.full((num_cells_a,), -1, dtype=torch.int64)
    last_raw = max(last_row(origin_a, 'origin_a'), last_row(origin_b, 'origin_b'))
    last_a, last_b = last_row(cell_a, 'cell_a'), last_row(cell_b, 'cell_b')
    if last_a >= num_cells_a:
        raise ValueError(f'cell_a must lie in [0, num_cells_a={num_cells_a}), got {last_a}')
    arrays = (rows.contiguous().numpy() for rows in (origin_a, cell_a, origin_b, cell_b))
    return torch.from_numpy(most_shared(*arrays, num_cells_a, last_b + 1, last_raw + 1))


def last_row(rows: Tensor, name: str) -> int:
    """The highest of (n,) rows; ValueError where one is negative."""
    lowest, highest = int(rows.numpy().min()), int(rows.numpy().max())  # faster than torch's for int64
    if lowest < 0:
        raise ValueError(f'{name} must not be negative, got {lowest}')
    return highest
