"""Cells that are found by their keys: an open-addressed table, and the loops that look into it, on the CPU.

All compiled code stays in this file: numba's disk cache notices changes of this file only. Bounds are not checked here.
"""

import numpy as np
from numba import njit

_FREE = -1  # no cell has this key
_SPREAD = np.uint64(0x9E3779B97F4A7C15)  # 2^64 / golden ratio: neighbouring cells go to slots far apart


@njit(cache=True, nogil=True)
def rows_of_cells(wanted, sites, shape):
    """(m,) int64: where each of ``wanted`` (m, 1 + d) stands in ``sites`` (n, 1 + d), -1: nowhere; integers.

    shape (d,): sizes of a grid that all sites lie in; a wanted cell outside is none of them.
    """
    slots, rows = _empty_table(len(sites))
    for i in range(len(sites)):
        key = _key_of(sites, i, shape)
        slot = _slot_of(key, slots)
        slots[slot], rows[slot] = key, i
    found = np.empty(len(wanted), np.int64)
    for i in range(len(wanted)):
        key = _key_of(wanted, i, shape)
        slot = _slot_of(key, slots)
        found[i] = -1 if slots[slot] == _FREE else rows[slot]
    return found


@njit(inline='always')
def _key_of(cells, i, shape):
    """The number of the i-th of cells (n, 1 + d), the first axis most significant; _FREE outside of the grid (d,)."""
    key, inside = np.int64(cells[i, 0]), cells[i, 0] >= 0
    for axis in range(len(shape)):
        cell = cells[i, axis + 1]
        key = key * shape[axis] + cell
        inside &= (cell >= 0) & (cell < shape[axis])
    return key if inside else np.int64(_FREE)


@njit(cache=True, nogil=True)
def group_points(points, keys, max_points):
    """Points (n, C) float32 in groups of one of the keys (n,) int64 >= 0, in the order in which groups begin.

    Returns the first ``max_points`` points of each (v, max_points, C), zeros behind them; how many those are (v,)
    int32; and the row of its first point (v,) int64.
    """
    slots, rows = _empty_table(len(keys))
    row_of_point, first_point = np.empty(len(keys), np.int64), np.empty(len(keys), np.int64)
    n_groups = 0
    for i in range(len(keys)):
        slot = _slot_of(keys[i], slots)
        if slots[slot] == _FREE:
            slots[slot], rows[slot] = keys[i], n_groups
            first_point[n_groups] = i
            n_groups += 1
        row_of_point[i] = rows[slot]
    groups = np.zeros((n_groups, max_points, points.shape[1]), points.dtype)
    num_points = np.zeros(n_groups, np.int32)
    for i in range(len(keys)):
        row = row_of_point[i]
        place = num_points[row]
        if place < max_points:
            groups[row, place] = points[i]
            num_points[row] = place + 1
    return groups, num_points, first_point[:n_groups].copy()


@njit(cache=True, nogil=True)
def submanifold_pairs(sites, shape, kernel, dilation, pairs, counts):
    """Fill `pairs` and, before the centre, `counts`; the offsets behind it mirror those before it.

    Most cells around a site are none. A bit each tells that of nearly all of them, without a branch that a processor
    would guess wrongly; only the others are looked up.
    """
    n_sites, n_offsets = len(sites), pairs.shape[1]
    keys = np.empty(n_sites, np.int64)
    slots, rows = _empty_table(n_sites)
    marks = np.zeros(len(slots) >> 2, np.uint64)
    for i in range(n_sites):
        key = ((sites[i, 0] * shape[0] + sites[i, 1]) * shape[1] + sites[i, 2]) * shape[2] + sites[i, 3]
        keys[i] = key
        slot = _slot_of(key, slots)
        if slots[slot] == _FREE:  # of a site that occurs twice the first row counts
            slots[slot], rows[slot] = key, i
            marks[_word_of(key, marks)] |= np.uint64(1) << np.uint64(key & 63)
    offsets = np.arange(n_offsets // 2)
    dz = (kernel[0] // 2 - offsets // (kernel[1] * kernel[2])) * dilation[0]
    dy = (kernel[1] // 2 - offsets // kernel[2] % kernel[1]) * dilation[1]
    dx = (kernel[2] // 2 - offsets % kernel[2]) * dilation[2]
    steps = (dz * shape[1] + dy) * shape[2] + dx
    near = np.empty(len(offsets) + 1, np.int64)
    for i in range(n_sites):
        n_near = 0
        for offset in offsets:
            z, y, x, key = sites[i, 1] + dz[offset], sites[i, 2] + dy[offset], sites[i, 3] + dx[offset], steps[offset]
            key += keys[i]
            inside = (z >= 0) & (z < shape[0]) & (y >= 0) & (y < shape[1]) & (x >= 0) & (x < shape[2])
            mark = np.int64(marks[_word_of(key, marks)] >> np.uint64(key & 63)) & 1
            near[n_near] = offset
            n_near += mark & np.int64(inside)
        for offset in near[:n_near]:
            slot, mirror, count = _slot_of(keys[i] + steps[offset], slots), n_offsets - 1 - offset, counts[offset]
            if slots[slot] != _FREE:
                pairs[0, offset, count] = pairs[1, mirror, count] = i
                pairs[1, offset, count] = pairs[0, mirror, count] = rows[slot]
                counts[offset] = count + 1
        pairs[0, n_offsets // 2, i] = pairs[1, n_offsets // 2, i] = i


@njit(inline='always')
def _word_of(key, marks):
    """Which of 2^b words has the mark of a key: the same for most neighbours along x."""
    return np.int64((np.uint64(key >> 6) * _SPREAD) >> np.uint64(32)) & (len(marks) - 1)


@njit(cache=True, nogil=True)
def strided_pairs(sites, shape, kernel, stride, padding, dilation, transposed, pairs, counts):
    """Fill `pairs` and `counts`; returns the sites of the output (M, 4), in the order of offsets, then of inputs.

    First the pairs of every site, whatever their offset, then the rows of the outputs: of all offsets of a kernel with
    a stride, few reach a cell from any one site.
    """
    z_of = _targets(sites[:, 1], kernel[0], stride[0], padding[0], dilation[0], shape[0], transposed)
    y_of = _targets(sites[:, 2], kernel[1], stride[1], padding[1], dilation[1], shape[1], transposed)
    x_of = _targets(sites[:, 3], kernel[2], stride[2], padding[2], dilation[2], shape[2], transposed)
    keys = _pairs_by_offset(sites, shape, z_of, y_of, x_of, pairs[0], counts)
    n_pairs = counts.sum()
    slots, rows = _empty_table(n_pairs)
    found = np.empty((n_pairs, 4), np.int32)
    n_found = 0
    for offset in range(pairs.shape[1]):
        kz, ky, kx = offset // (kernel[1] * kernel[2]), offset // kernel[2] % kernel[1], offset % kernel[2]
        for pair in range(counts[offset]):
            key = keys[offset, pair]
            slot = _slot_of(key, slots)
            if slots[slot] == _FREE:
                slots[slot], rows[slot] = key, n_found
                i = pairs[0, offset, pair]
                found[n_found, 0], found[n_found, 1] = sites[i, 0], z_of[kz, sites[i, 1]]
                found[n_found, 2], found[n_found, 3] = y_of[ky, sites[i, 2]], x_of[kx, sites[i, 3]]
                n_found += 1
            pairs[1, offset, pair] = rows[slot]
    return found[:n_found].copy()


@njit(cache=True, nogil=True)
def _pairs_by_offset(sites, shape, z_of, y_of, x_of, inputs, counts):
    """Fill `counts` and the sites of the pairs of each offset, `inputs`; returns the keys of the cells they reach."""
    n_z, by_z = _elements_of(z_of)
    n_y, by_y = _elements_of(y_of)
    n_x, by_x = _elements_of(x_of)
    keys = np.empty(inputs.shape, np.int64)
    for i in range(len(sites)):
        z, y, x = sites[i, 1], sites[i, 2], sites[i, 3]
        for a in range(n_z[z]):
            kz = by_z[z, a]
            layer = (sites[i, 0] * shape[0] + z_of[kz, z]) * shape[1]
            for b in range(n_y[y]):
                ky = by_y[y, b]
                line, first = (layer + y_of[ky, y]) * shape[2], (kz * len(y_of) + ky) * len(x_of)
                for c in range(n_x[x]):
                    kx = by_x[x, c]
                    count = counts[first + kx]
                    inputs[first + kx, count], keys[first + kx, count] = i, line + x_of[kx, x]
                    counts[first + kx] = count + 1
    return keys


@njit(cache=True, nogil=True)
def _elements_of(targets):
    """Of :func:`_targets`: how many kernel elements reach a cell of the output from each cell of the input, (cells,),
    and which, (cells, n_elements)."""
    n_elements = np.zeros(targets.shape[1], np.int64)
    elements = np.empty((targets.shape[1], len(targets)), np.int64)
    for k in range(len(targets)):
        for cell in range(targets.shape[1]):
            if targets[k, cell] >= 0:
                elements[cell, n_elements[cell]] = k
                n_elements[cell] += 1
    return n_elements, elements


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
