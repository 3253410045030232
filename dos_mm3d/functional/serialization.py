"""Space-filling curves: voxels to positions on a line (docs/ptv3.md, "Serialisation")."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from typing import NamedTuple

import torch
from torch import Tensor

from ..errors import InputError

CURVES = ('z', 'z-trans', 'hilbert', 'hilbert-trans')
MAX_DEPTH = 16
CODE_BITS = 63
LEVELS = 4  # of the grid, for each look-up in the table of the Hilbert curve, which has 8 ** LEVELS entries a state
LOOKUP_BITS = 3 * LEVELS


@dataclass(frozen=True)
class Serialization:
    """Where every voxel of a batch comes on each of O curves; a curve passes through one sample after the other.

    Args:
        depth: bits per axis.
        code: (O, N) int64, position of each voxel on the whole curve.
    """

    depth: int
    code: Tensor

    @classmethod
    def from_codes(cls, code: Tensor, depth: int, *, shuffle: bool) -> Serialization:
        """Of (O, N) codes; ``shuffle`` draws one random permutation of the O curves from torch's CPU generator."""
        if shuffle:
            code = torch.stack([code[curve] for curve in torch.randperm(len(code)).tolist()])
        return cls(depth, code)

    def sorted_by(self, curve: int) -> tuple[Tensor, Tensor]:
        """(N,) int64 row of the voxel at each place of a curve, and (N,) int64 place of each row.

        Sorted when it is asked for: a stage of few blocks attends along some of the curves only.
        """
        # stable, so that voxels that occur twice keep their order on every device
        order = self.code[curve].argsort(stable=True)
        places = torch.arange(len(order), device=order.device)
        return order, torch.empty_like(order).scatter_(0, order, places)


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
    spatial = spatial_codes(grid_coord, orders, depth)
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


def spatial_codes(grid_coord: Tensor, orders: Sequence[str], depth: int) -> Tensor:
    """(O, N) int64 codes of grid_coord (N, 3) x, y, z in [0, 2 ** depth) on each curve; '-trans' swaps x and y."""
    if unknown := [order for order in orders if order not in CURVES]:
        raise InputError(f'order is {unknown[0]!r}, wanted one of {", ".join(CURVES)}')
    interleaved = interleave(grid_coord)
    codes = dict(zip(CURVES, (*interleaved, *hilbert_codes(interleaved, depth))))
    return torch.stack([codes[order] for order in orders])


def interleave(grid_coord: Tensor) -> Tensor:
    """(2, N) int64 from (N, 3) below 2 ** MAX_DEPTH: bits of x, y, z in turn, x first; and those of y, x, z."""
    spread, shifts = spread_table(grid_coord.device)
    return (spread[grid_coord.long()] << shifts[:, None]).sum(-1)


@cache
def spread_table(device: torch.device) -> tuple[Tensor, Tensor]:
    """(2 ** MAX_DEPTH,) int64, each number with bit i moved to bit 3 i; (2, 3) shifts of x, y, z so that they join."""
    spread = torch.arange(2**MAX_DEPTH)
    # 16 bits become two groups of 8, those four of 4, and so on, always with two empty places for each bit
    for shift, groups in ((16, 0xFF0000FF), (8, 0x00F00F00F00F), (4, 0x0C30C30C30C3), (2, 0x249249249249)):
        spread = (spread | spread << shift) & groups
    return spread.to(device), torch.tensor([[2, 1, 0], [1, 2, 0]]).to(device)


def hilbert_codes(interleaved: Tensor, depth: int) -> Tensor:
    """Distances along the Hilbert curve of 2 ** depth cells per axis, of cells given as interleaved bits, int64.

    One look-up does LEVELS levels of the grid, from the coarsest down.
    """
    n_lookups = -(-depth // LEVELS)
    # levels are added below to make whole look-ups: a finer grid has the same code above
    added_bits = 3 * (n_lookups * LEVELS - depth)
    interleaved, table = interleaved << added_bits, hilbert_table(interleaved.device)
    state, code = 0, 0
    for lookup in reversed(range(n_lookups)):
        digits = interleaved >> lookup * LOOKUP_BITS & (1 << LOOKUP_BITS) - 1
        state, written = table[digits | state].unbind(-1)
        code = code << LOOKUP_BITS | written
    return code >> added_bits


@cache
def hilbert_table(device: torch.device) -> Tensor:
    """The Hilbert curve as an automaton that reads an interleaved code, LEVELS digits of three bits at once.

    (S * 2 ** LOOKUP_BITS, 2) int64: at state | digits read stand the following state and the digits written; a state
    is a multiple of 2 ** LOOKUP_BITS, the first one 0.
    """
    written, following = hilbert_automaton()
    digits, state = written, following
    for _ in range(LEVELS - 1):
        digits = (digits[..., None] << 3 | written[state]).flatten(1)
        state = following[state].flatten(1)
    return torch.stack((state << LOOKUP_BITS, digits), dim=-1).flatten(0, 1).to(device)


def hilbert_automaton() -> tuple[Tensor, Tensor]:
    """Digit written and following state, both (S, 8) int64, for each state and digit read.

    From Skilling's rounds (2004, "Programming the Hilbert curve"): a state is how the rounds so far turn the digits
    that follow, and the last bit written, from which the Gray code goes on.
    """
    states = [(tuple(range(8)), 0)]
    written, following = [], []
    for turned, last_bit in states:  # grows as states are found
        for digit in turned:
            out = digit ^ digit >> 1 ^ digit >> 2 ^ 7 * last_bit
            state = tuple(skilling_round(digit, other) for other in turned), out & 1
            if state not in states:
                states.append(state)
            written.append(out)
            following.append(states.index(state))
    return torch.tensor(written).view(-1, 8), torch.tensor(following).view(-1, 8)


def skilling_round(digit: int, lower: int) -> int:
    """How a digit turns a lower one, both three bits x, y, z: a set bit flips x, an unset one swaps x with its axis."""
    axes = [lower >> 2 & 1, lower >> 1 & 1, lower & 1]
    for axis in range(3):
        if digit >> (2 - axis) & 1:
            axes[0] ^= 1
        else:
            axes[0], axes[axis] = axes[axis], axes[0]
    return axes[0] << 2 | axes[1] << 1 | axes[2]
