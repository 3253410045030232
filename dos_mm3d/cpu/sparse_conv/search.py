"""The search for index pairs on the CPU: the very arrays of spconv 2.3.8, whose own search looks into a
`std::unordered_map` for every site and offset and takes several times as long.

All compiled code stays in this file: numba's disk cache notices changes of this file only.
"""

from collections.abc import Sequence
from math import prod

import numpy as np
import torch
from numba import njit
from torch import Tensor

_FREE = -1  # no cell has this key
_SPREAD = np.uint64(0x9E3779B97F4A7C15)  # 2^64 / golden ratio: neighbouring cells go to slots far apart


def find_pairs(
    sites: Tensor,
    out_shape: Sequence[int],
    kernel: Sequence[int],
    stride: Sequence[int],
    padding: Sequence[int],
    dilation: Sequence[int],
    *,
    subm: bool,
    transposed: bool,
) -> tuple[Tensor, Tensor, Tensor]:
    """What `spconv.pytorch.ops.get_indice_pairs` returns for a convolution in three dimensions.

    Args:
        sites: (N, 4) int32 [batch, z, y, x], in the grid of the input; on the CPU.
        out_shape: cells of the output's grid along z, y, x.
        kernel, stride, padding, dilation: along z, y, x; of submanifold convolutions the first and the last count.
        subm: sites of the output are those of the input.
        transposed: a transposed convolution.

    Returns:
        Sites of the output (M, 4) int32, in the order in which they are found; pairs (2, K, N) int32 of input and
        output rows, -1 behind the last of each offset; pairs of each offset (K,) int32, of submanifold convolutions
        only of those before the centre.
    """
    array = sites.detach().contiguous().numpy()
    shape, kernel, stride, padding, dilation = (
        tuple(map(int, each)) for each in (out_shape, kernel, stride, padding, dilation)
    )
    pairs = np.full((2, prod(kernel), len(array)), -1, np.int32)
    counts = np.zeros(prod(kernel), np.int32)
    if subm:
        _submanifold(array, shape, kernel, dilation, pairs, counts)
        found = sites
    else:
        found = torch.from_numpy(_strided(array, shape, kernel, stride, padding, dilation, transposed, pairs, counts))
    return found, torch.from_numpy(pairs), torch.from_numpy(counts)


@njit(cache=True, nogil=True)
def _submanifold(sites, shape, kernel, dilation, pairs, counts):
    """Fill `pairs` and, before the centre, `counts`; the offsets behind it mirror those before it."""
    n_sites, n_offsets = len(sites), pairs.shape[1]
    keys = np.empty(n_sites, np.int64)
    slots, rows = _empty_table(n_sites)
    for i in range(n_sites):
        keys[i] = ((sites[i, 0] * shape[0] + sites[i, 1]) * shape[1] + sites[i, 2]) * shape[2] + sites[i, 3]
        slot = _slot_of(keys[i], slots)
        if slots[slot] == _FREE:  # of a site that occurs twice the first row counts
            slots[slot], rows[slot] = keys[i], i
    for offset in range(n_offsets // 2):
        dz = (kernel[0] // 2 - offset // (kernel[1] * kernel[2])) * dilation[0]
        dy = (kernel[1] // 2 - offset // kernel[2] % kernel[1]) * dilation[1]
        dx = (kernel[2] // 2 - offset % kernel[2]) * dilation[2]
        step, mirror, count = (dz * shape[1] + dy) * shape[2] + dx, n_offsets - 1 - offset, 0
        for i in range(n_sites):
            z, y, x = sites[i, 1] + dz, sites[i, 2] + dy, sites[i, 3] + dx
            if 0 <= z < shape[0] and 0 <= y < shape[1] and 0 <= x < shape[2]:
                slot = _slot_of(keys[i] + step, slots)
                if slots[slot] != _FREE:
                    pairs[0, offset, count] = pairs[1, mirror, count] = i
                    pairs[1, offset, count] = pairs[0, mirror, count] = rows[slot]
                    count += 1
        counts[offset] = count
    for i in range(n_sites):
        pairs[0, n_offsets // 2, i] = pairs[1, n_offsets // 2, i] = i


@njit(cache=True, nogil=True)
def _strided(sites, shape, kernel, stride, padding, dilation, transposed, pairs, counts):
    """Fill `pairs` and `counts`; returns the sites of the output (M, 4)."""
    slots, rows = _empty_table(len(sites))
    found = np.empty((len(sites) + 1, 4), np.int32)
    n_found = 0
    for offset in range(pairs.shape[1]):
        kz, ky, kx = offset // (kernel[1] * kernel[2]), offset // kernel[2] % kernel[1], offset % kernel[2]
        count = 0
        for i in range(len(sites)):
            z = _target(sites[i, 1], kz, stride[0], padding[0], dilation[0], shape[0], transposed)
            y = _target(sites[i, 2], ky, stride[1], padding[1], dilation[1], shape[1], transposed)
            x = _target(sites[i, 3], kx, stride[2], padding[2], dilation[2], shape[2], transposed)
            if z < 0 or y < 0 or x < 0:
                continue
            key = ((sites[i, 0] * shape[0] + z) * shape[1] + y) * shape[2] + x
            slot = _slot_of(key, slots)
            if slots[slot] == _FREE:
                if n_found == len(found):
                    slots, rows = _grown(slots, rows)
                    found = np.concatenate((found, np.empty_like(found)))
                    slot = _slot_of(key, slots)
                slots[slot], rows[slot] = key, n_found
                found[n_found, 0], found[n_found, 1], found[n_found, 2], found[n_found, 3] = sites[i, 0], z, y, x
                n_found += 1
            pairs[0, offset, count], pairs[1, offset, count] = i, rows[slot]
            count += 1
        counts[offset] = count
    return found[:n_found].copy()


@njit(inline='always')
def _target(cell, k, stride, padding, dilation, size, transposed):
    """Along one axis, the cell of the output that a cell of the input reaches by kernel element k; -1: none."""
    if transposed:
        target = cell * stride - padding + k * dilation
    else:
        reached = cell + padding - k * dilation
        if reached % stride:
            return -1
        target = reached // stride
    return target if 0 <= target < size else -1


@njit(inline='always')
def _slot_of(key, slots):
    """Where a key stands in an open-addressed table of 2^b slots, or the free slot where it would."""
    slot = np.int64((np.uint64(key) * _SPREAD) >> np.uint64(32)) & (len(slots) - 1)
    while slots[slot] != key and slots[slot] != _FREE:
        slot = (slot + 1) & (len(slots) - 1)
    return slot


@njit(cache=True, nogil=True)
def _empty_table(n_keys):
    """Keys and rows of a table in which n_keys take at most half of the slots."""
    size = 4
    while size < 2 * n_keys:
        size *= 2
    return np.full(size, _FREE, np.int64), np.empty(size, np.int32)


@njit(cache=True, nogil=True)
def _grown(slots, rows):
    """The same keys and rows in twice as many slots."""
    more_slots, more_rows = np.full(2 * len(slots), _FREE, np.int64), np.empty(2 * len(rows), np.int32)
    for old in range(len(slots)):
        if slots[old] != _FREE:
            slot = _slot_of(slots[old], more_slots)
            more_slots[slot], more_rows[slot] = slots[old], rows[old]
    return more_slots, more_rows
