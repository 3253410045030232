"""Cells of a grid to whole numbers and back, and the distinct ones among them."""

from collections.abc import Sequence

import torch
from torch import Tensor

from .cell_kernels import unique_of_keys

LARGEST_TABLE = 2**27  # a bit each, 16 MiB


def cell_keys(cells: Tensor, shape: Sequence[int]) -> Tensor:
    """(n,) int64 number of each of (n, d) cells, the first axis most significant: sorted as the cells' coordinates are.

    shape: sizes of the axes; that of the first has no influence and may be left out, as for [batch, z, y, x].
    """
    key, *others = cells.long().unbind(1)
    for axis, size in zip(others, shape[len(shape) - len(others) :], strict=True):
        key = key * size + axis
    return key


def cells_of_keys(keys: Tensor, shape: Sequence[int]) -> Tensor:
    """(n, d) int64 cells of (n,) keys: the inverse of :func:`cell_keys`; shape: the sizes of all d axes."""
    axes = []
    for size in reversed(shape[1:]):
        above = keys // size
        axes.append(keys - above * size)  # a division less than the remainder takes
        keys = above
    return torch.stack((keys, *reversed(axes)), dim=1)


def sorted_unique(keys: Tensor) -> tuple[Tensor, Tensor]:
    """torch.unique(keys, return_inverse=True) of (n,) int64 keys on the CPU: sorted (m,), and the row of each (n,).

    Keys below LARGEST_TABLE, as those of cells are, are marked in a table and not sorted, which is many times faster.

    Raises:
        ValueError: a key is negative.
    """
    if not len(keys):
        return keys.clone(), torch.zeros(0, dtype=torch.int64)
    lowest, highest = (int(key) for key in keys.aminmax())
    if lowest < 0:
        raise ValueError(f'keys must not be negative, got {lowest}')
    if highest >= LARGEST_TABLE:
        return keys.unique(return_inverse=True)
    unique, row_of_key = unique_of_keys(keys.contiguous().numpy(), highest + 1)
    return torch.from_numpy(unique), torch.from_numpy(row_of_key)
