"""Codes on space-filling curves, bit by bit: slow and readable, what the tables of the package are compared with."""

from collections.abc import Sequence

import torch
from torch import Tensor

AXES = {'z': (0, 1, 2), 'z-trans': (1, 0, 2), 'hilbert': (0, 1, 2), 'hilbert-trans': (1, 0, 2)}


def oracle_code(grid_coord: Tensor, order: str, depth: int) -> Tensor:
    """(N,) int64 code of grid_coord (N, 3) x, y, z on one curve."""
    axes = [grid_coord[:, axis].long() for axis in AXES[order]]
    return z_code(axes, depth) if order.startswith('z') else hilbert_code(axes, depth)


def z_code(axes: Sequence[Tensor], depth: int) -> Tensor:
    """Interleave the lowest ``depth`` bits of the axes (N,), the first axis most significant in each triple."""
    code = torch.zeros_like(axes[0])
    for bit in reversed(range(depth)):
        for axis in axes:
            code = code << 1 | (axis >> bit & 1)
    return code


def hilbert_code(axes: Sequence[Tensor], depth: int) -> Tensor:
    """Skilling 2004: axes to transpose, bit by bit in place; then Gray code to binary."""
    x = list(axes)
    for bit in reversed(range(depth)):
        low = (1 << bit) - 1
        for d in range(3):
            is_set = (x[d] >> bit & 1).bool()
            swapped = (x[0] ^ x[d]) & low
            if d == 0:
                x[0] = torch.where(is_set, x[0] ^ low, x[0])
            else:
                x[0], x[d] = torch.where(is_set, x[0] ^ low, x[0] ^ swapped), torch.where(is_set, x[d], x[d] ^ swapped)
    gray = z_code(x, depth)
    code, bit_above = torch.zeros_like(gray), torch.zeros_like(gray)
    for bit in reversed(range(3 * depth)):
        bit_above = bit_above ^ (gray >> bit & 1)
        code = code << 1 | bit_above
    return code
