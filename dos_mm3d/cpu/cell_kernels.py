"""Compiled loops of the data path over points and cells, on the CPU; what they compute is documented where it is used.

All compiled code stays in this file: numba's disk cache notices changes of this file only. Bounds are not checked here.
Floating-point operations are single float32 ones in the order in which torch does them, so that no bit differs.
"""

import numpy as np
from numba import njit


@njit(cache=True, nogil=True)
def keys_of_points(points, lowest, size, key_of_x, key_of_y, key_of_z, inside, keys):
    """Fill ``inside`` (n,) bool and, one after the other, the keys of the points inside; returns how many those are.

    points (n, >= 3) float32; lowest, size (3,) float32 in the order x, y, z. key_of_*: what each voxel along an axis
    adds to the key, int64; looking that up takes less time than integer divisions.
    """
    width, height, depth = len(key_of_x), len(key_of_y), len(key_of_z)
    count = 0
    for i in range(len(points)):
        x = np.floor((points[i, 0] - lowest[0]) / size[0])
        y = np.floor((points[i, 1] - lowest[1]) / size[1])
        z = np.floor((points[i, 2] - lowest[2]) / size[2])
        inside[i] = 0 <= x < width and 0 <= y < height and 0 <= z < depth  # False for NaN
        if inside[i]:
            keys[count] = key_of_x[np.int64(x)] + key_of_y[np.int64(y)] + key_of_z[np.int64(z)]
            count += 1
    return count


@njit(cache=True, nogil=True)
def rows_within_nearest(points, centre, count):
    """The rows, ascending, of the points no farther from ``centre`` (3,) than the ``count``-th nearest: more than that
    many where several are equally far.

    points (n, >= 3) float32, 0 < count <= n. Bits of floats that are not negative count upwards as the floats do, so
    that counting their first twelve leaves few among which the limit is.
    """
    distance = np.empty(len(points), np.float32)
    bits = distance.view(np.uint32)
    n_beginning = np.zeros(1 << 12, np.int64)
    for i in range(len(points)):
        x, y, z = points[i, 0] - centre[0], points[i, 1] - centre[1], points[i, 2] - centre[2]
        distance[i] = (x * x + y * y) + z * z
    for i in range(len(points)):
        n_beginning[bits[i] >> 20] += 1
    beginning, nearer = 0, 0
    while nearer + n_beginning[beginning] < count:
        nearer += n_beginning[beginning]
        beginning += 1
    candidates = distance[(bits >> 20) == beginning]
    limit = np.partition(candidates, count - nearer - 1)[count - nearer - 1]
    rows = np.empty(len(points), np.int64)
    n_rows = 0
    for i in range(len(points)):  # every row is written, and the next one over those that are too far
        rows[n_rows] = i
        n_rows += distance[i] <= limit
    return rows[:n_rows].copy()


@njit(cache=True, nogil=True)
def order_of_rows(row_of_point, n_rows):
    """(n,) int64: points by their rows (n,) int64 in [0, n_rows), those of one row as they come; a stable argsort, but
    counted."""
    start = np.zeros(n_rows + 1, np.int64)
    for row in row_of_point:
        start[row + 1] += 1
    for row in range(n_rows):
        start[row + 1] += start[row]
    order = np.empty(len(row_of_point), np.int64)
    for i in range(len(row_of_point)):
        order[start[row_of_point[i]]] = i
        start[row_of_point[i]] += 1
    return order


@njit(cache=True, nogil=True)
def unique_of_keys(keys, n_values):
    """The sorted unique values (m,) of ``keys`` (n,) int64 in [0, n_values), and the row of each key (n,).

    A bit for each value says whether it occurs; a value's row is the number of bits set below it.
    """
    words = np.zeros((n_values >> 6) + 1, np.uint64)
    for key in keys:
        words[key >> 6] |= np.uint64(1) << np.uint64(key & 63)
    first_row = np.empty(len(words), np.int64)  # of each word
    count = 0
    for number in range(len(words)):
        first_row[number] = count
        count += _bits_set(words[number])
    unique = np.empty(count, np.int64)
    row = 0
    for number in range(len(words)):
        word = words[number]
        while word:
            below_lowest = (word - np.uint64(1)) & ~word
            unique[row] = (number << 6) + _bits_set(below_lowest)
            word &= word - np.uint64(1)
            row += 1
    row_of_key = np.empty(len(keys), np.int64)
    for i in range(len(keys)):
        below = (np.uint64(1) << np.uint64(keys[i] & 63)) - np.uint64(1)
        row_of_key[i] = first_row[keys[i] >> 6] + _bits_set(words[keys[i] >> 6] & below)
    return unique, row_of_key


@njit(inline='always')
def _bits_set(word):
    """How many bits of a uint64 are set: sums of two, four, eight bits side by side, then of all bytes."""
    word = word - ((word >> np.uint64(1)) & np.uint64(0x5555555555555555))
    word = (word & np.uint64(0x3333333333333333)) + ((word >> np.uint64(2)) & np.uint64(0x3333333333333333))
    word = (word + (word >> np.uint64(4))) & np.uint64(0x0F0F0F0F0F0F0F0F)
    return np.int64((word * np.uint64(0x0101010101010101)) >> np.uint64(56))


@njit(cache=True, nogil=True)
def most_shared(origin_a, cell_a, origin_b, cell_b, num_cells_a, num_cells_b, num_raw):
    """(num_cells_a,) int64: for each cell of a the cell of b that shares most raw points, the lowest on a tie, or -1.

    origin_* in [0, num_raw), cell_a in [0, num_cells_a), cell_b in [0, num_cells_b), all int64.
    """
    cell_b_of_raw = np.full(num_raw, -1, np.int32)  # half as much memory to look into as int64
    for i in range(len(origin_b)):
        cell_b_of_raw[origin_b[i]] = cell_b[i]
    start, partner = _partners_by_cell(origin_a, cell_a, cell_b_of_raw, num_cells_a)
    match = np.full(num_cells_a, -1, np.int64)
    votes = np.zeros(num_cells_b, np.int64)
    for cell in range(num_cells_a):
        partners = partner[start[cell] : start[cell + 1]]
        for row in partners:
            votes[row] += 1
        most = 0
        for row in partners:
            if votes[row] > most or (votes[row] == most and row < match[cell]):
                most, match[cell] = votes[row], row
        for row in partners:
            votes[row] = 0
    return match


@njit(cache=True, nogil=True)
def _partners_by_cell(origin_a, cell_a, cell_b_of_raw, num_cells_a):
    """The cells of b that hold the points of a, grouped by cell of a: starts (num_cells_a + 1,), and rows in b.

    Points that b does not have are left out.
    """
    start = np.zeros(num_cells_a + 2, np.int64)
    for i in range(len(origin_a)):
        if cell_b_of_raw[origin_a[i]] >= 0:
            start[cell_a[i] + 2] += 1
    for cell in range(2, num_cells_a + 2):
        start[cell] += start[cell - 1]
    partner = np.empty(start[num_cells_a + 1], np.int32)
    for i in range(len(origin_a)):
        row = cell_b_of_raw[origin_a[i]]
        if row >= 0:
            partner[start[cell_a[i] + 1]] = row
            start[cell_a[i] + 1] += 1
    return start[:-1], partner
