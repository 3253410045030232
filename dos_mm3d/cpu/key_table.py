"""Cells that are found by their keys: an open-addressed table, and the loops that look into it, on the CPU.

All compiled code stays in this file: numba's disk cache notices changes of this file only. Bounds are not checked here.
"""

import numpy as np
from numba import njit

_FREE = -1  # no cell has this key
_SPREAD = np.uint64(0x9E3779B97F4A7C15)  # 2^64 / golden ratio: neighbouring cells go to slots far apart


@njit(cache=True, nogil=True)
def rows_of_keys(wanted, keys):
    """(m,) int64: where each of ``wanted`` (m,) stands in ``keys`` (n,), -1: nowhere; all int64, keys >= 0, unique."""
    slots, rows = _empty_table(len(keys))
    for i in range(len(keys)):
        slot = _slot_of(keys[i], slots)
        slots[slot], rows[slot] = keys[i], i
    found = np.empty(len(wanted), np.int64)
    for i in range(len(wanted)):
        slot = _slot_of(wanted[i], slots)
        found[i] = -1 if slots[slot] == _FREE else rows[slot]
    return found


@njit(cache=True, nogil=True)
def submanifold_pairs(sites, shape, kernel, dilation, pairs, counts):
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
def strided_pairs(sites, shape, kernel, stride, padding, dilation, transposed, pairs, counts):
    """Fill `pairs` and `counts`; returns the sites of the output (M, 4)."""
    slots, rows = _empty_table(len(sites))
    z_of = _targets(sites[:, 1], kernel[0], stride[0], padding[0], dilation[0], shape[0], transposed)
    y_of = _targets(sites[:, 2], kernel[1], stride[1], padding[1], dilation[1], shape[1], transposed)
    x_of = _targets(sites[:, 3], kernel[2], stride[2], padding[2], dilation[2], shape[2], transposed)
    found = np.empty((len(sites) + 1, 4), np.int32)
    n_found = 0
    for offset in range(pairs.shape[1]):
        kz, ky, kx = offset // (kernel[1] * kernel[2]), offset // kernel[2] % kernel[1], offset % kernel[2]
        count = 0
        for i in range(len(sites)):
            z, y, x = z_of[kz, sites[i, 1]], y_of[ky, sites[i, 2]], x_of[kx, sites[i, 3]]
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


@njit(cache=True, nogil=True)
def _targets(cells, n_elements, stride, padding, dilation, size, transposed):
    """Along one axis, which cell of the output each cell of the input reaches by each kernel element, -1: none.

    (n_elements, highest of ``cells`` + 1) int64: looked up in the loops, which would else divide for every site.
    """
    highest = 0
    for cell in cells:
        highest = max(highest, cell)
    targets = np.full((n_elements, highest + 1), -1, np.int64)
    for k in range(n_elements):
        for cell in range(highest + 1):
            target = cell * stride - padding + k * dilation if transposed else cell + padding - k * dilation
            if not transposed:
                if target % stride:
                    continue
                target //= stride
            if 0 <= target < size:
                targets[k, cell] = target
    return targets


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
