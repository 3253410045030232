"""Space-filling curves: voxels to positions on a line (docs/ptv3.md, "Serialisation")."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import torch
from torch import Tensor

from ..errors import InputError

MAX_DEPTH = 16
CODE_BITS = 63


@dataclass(frozen=True)
class Serialization:
    """Where every voxel of a batch comes on each of O curves; a curve passes through one sample after the other.

    Args:
        depth: bits per axis.
        code: (O, N) int64, position of each voxel on the whole curve.
        order: (O, N) int64, row of the voxel at each place.
        inverse: (O, N) int64, place of each row.
    """

    depth: int
    code: Tensor
    order: Tensor
    inverse: Tensor

    @classmethod
    def from_codes(cls, code: Tensor, depth: int, *, shuffle: bool) -> Serialization:
        """Sort (O, N) codes; ``shuffle`` draws one random permutation of the O curves from torch's CPU generator."""
        if shuffle:
            code = torch.stack([code[curve] for curve in torch.randperm(len(code)).tolist()])
        # stable, so that voxels that occur twice keep their order on every device
        order = code.argsort(dim=1, stable=True)
        positions = torch.arange(code.shape[1], device=code.device).expand_as(code)
        return cls(depth, code, order, torch.empty_like(order).scatter_(1, order, positions))


class Extent(NamedTuple):
    """What of a batch decides how many bits its codes have: lowest and highest grid coordinate, number of samples."""

    lowest: int
    highest: int
    n_samples: int

    @classmethod
    def of(cls, grid_coord: Tensor, batch: Tensor) -> Extent:
        """Asked of the tensors themselves, for which a GPU is waited for."""
        return cls(*torch.stack((*grid_coord.long().aminmax(), batch.long().max() + 1)).tolist())


def serialize(
    grid_coord: Tensor, batch: Tensor, orders: Sequence[str], *, shuffle: bool, extent: Extent | None = None
) -> Serialization:
    """Curves ``orders`` through the voxels grid_coord (N, 3) int x, y, z >= 0 of samples batch (N,) int.

    extent: of these voxels, where it is known.
    """
    extent = Extent.of(grid_coord, batch) if extent is None else extent
    depth = serialization_depth(extent.lowest, extent.highest)
    spatial = torch.stack([spatial_code(grid_coord, order, depth) for order in orders])
    return Serialization.from_codes(with_batch(spatial, batch, depth, extent.n_samples), depth, shuffle=shuffle)


def serialization_depth(lowest: int, highest: int) -> int:
    """Bits per axis: bit length of (largest coordinate + 1), one depth for the whole batch."""
    depth = (highest + 1).bit_length()
    if lowest < 0 or depth > MAX_DEPTH:
        raise ValueError(
            f'grid coordinates run from {lowest} to {highest}, wanted 0 to {2**MAX_DEPTH - 2}: subtract the minimum, '
            'enlarge the grid size, or crop the cloud'
        )
    return depth


def with_batch(spatial: Tensor, batch: Tensor, depth: int, n_samples: int) -> Tensor:
    """Put the sample index (N,) above the 3 * depth bits of the codes (..., N), so that sorting groups by sample."""
    if 3 * depth + n_samples.bit_length() > CODE_BITS:
        raise ValueError(
            f'{n_samples} samples at depth {depth} need {3 * depth + n_samples.bit_length()} bits, a code has '
            f'{CODE_BITS}: lower the batch size or enlarge the grid size'
        )
    return batch.long() << 3 * depth | spatial


def spatial_code(grid_coord: Tensor, order: str, depth: int) -> Tensor:
    """(N,) int64 code of grid_coord (N, 3) x, y, z on one curve; '-trans' swaps x and y."""
    if order not in CURVES:
        raise InputError(f'order is {order!r}, wanted one of {", ".join(CURVES)}')
    curve, axes = CURVES[order]
    return curve([grid_coord[:, axis].long() for axis in axes], depth)


def z_code(axes: Sequence[Tensor], depth: int) -> Tensor:
    """Interleave the lowest ``depth`` bits of the axes (N,) int64, the first axis most significant in each triple."""
    code = torch.zeros_like(axes[0])
    for bit in range(depth):
        for axis in axes:
            code = code << 1 | (axis >> (depth - 1 - bit) & 1)
    return code


def hilbert_code(axes: Sequence[Tensor], depth: int) -> Tensor:
    """Distance along the Hilbert curve of 2^depth cells per axis (Skilling 2004: axes to transpose, Gray to binary)."""
    x = list(axes)
    for bit in reversed(range(depth)):
        low = (1 << bit) - 1
        for d in range(len(x)):
            is_set = -(x[d] >> bit & 1)  # all bits, or none
            swapped = (x[0] ^ x[d]) & low & ~is_set
            x[0] = x[0] ^ (low & is_set)
            x[d] = x[d] ^ swapped
            x[0] = x[0] ^ swapped if d else x[0]
    return gray_to_binary(z_code(x, depth))


def gray_to_binary(gray: Tensor) -> Tensor:
    """Running exclusive or of the bits of (N,) int64, from the most significant one down."""
    for shift in (1, 2, 4, 8, 16, 32):
        gray = gray ^ gray >> shift
    return gray


CURVES = {
    'z': (z_code, (0, 1, 2)),
    'z-trans': (z_code, (1, 0, 2)),
    'hilbert': (hilbert_code, (0, 1, 2)),
    'hilbert-trans': (hilbert_code, (1, 0, 2)),
}
