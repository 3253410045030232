"""Block masks over occupied loss voxels (docs/method.md, "Views and masks")."""

import math

import torch
from torch import Tensor

from ..cpu.cell_keys import cell_keys, sorted_unique
from ..errors import InputError


def block_size_cells(block_size_m: float, cell_size_m: tuple[float, float, float]) -> tuple[int, int, int]:
    """Block edge in whole loss voxels per axis, the nearest count and at least one, so that no voxel is ever split.

    ``cell_size_m`` is in the order of the result (z, y, x in this project).
    """
    check_block_size(block_size_m)
    return tuple(max(1, round(block_size_m / size)) for size in cell_size_m)


def check_block_size(block_size_m: float) -> None:
    """ValueError unless it is positive, and finite."""
    if not 0 < block_size_m < math.inf:
        raise InputError(f'block_size_m must be positive, and finite, got {block_size_m}')


def check_mask_ratio(mask_ratio: float) -> None:
    """ValueError unless the ratio leaves something to hide and something to see."""
    if not 0.0 < mask_ratio < 1.0:
        raise InputError(
            f'mask_ratio must be in (0, 1), got {mask_ratio}: student and teacher would see the same, or it nothing'
        )


def draw_visible_cells(
    cells: Tensor, *, block_cells: tuple[int, int, int], mask_ratio: float, generator: torch.Generator
) -> Tensor:
    """Hide an exact share of the occupied blocks, drawn at random; True where a cell stays visible.

    Args:
        cells: (m, 3) integer cells counted from the range minimum; block = cell // block_cells.
        mask_ratio: share of occupied blocks to hide, rounded to the nearest count.

    Returns:
        (m,) bool, on the CPU.
    """
    check_mask_ratio(mask_ratio)
    blocks = torch.div(cells, torch.tensor(block_cells, dtype=cells.dtype), rounding_mode='floor')
    occupied, block_of_cell = sorted_unique(keys_in_bounding_box(blocks))
    n_blocks = len(occupied)
    n_hidden = int(mask_ratio * n_blocks + 0.5)
    hidden = torch.zeros(n_blocks, dtype=torch.bool)
    hidden[torch.randperm(n_blocks, generator=generator)[:n_hidden]] = True
    return ~hidden[block_of_cell]


def keys_in_bounding_box(cells: Tensor) -> Tensor:
    """(m,) int64 number of each of (m, 3) cells in their common bounding box, in the order of their coordinates."""
    if not len(cells):
        return cells.new_zeros(0)
    lowest, highest = cells.aminmax(dim=0)
    return cell_keys(cells - lowest, (highest - lowest + 1).tolist())
