"""Cells of a grid to whole numbers and back."""

from collections.abc import Sequence

import torch
from torch import Tensor


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
        axes.append(keys % size)
        keys = keys // size
    return torch.stack((keys, *reversed(axes)), dim=1)
