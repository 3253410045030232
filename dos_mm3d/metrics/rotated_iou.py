"""Rotated IoU in three dimensions, and the pairs of boxes that may match.

All compiled code stays in this file: numba's disk cache notices changes of this file only.
"""

import math

import numpy as np
from numba import njit
from numpy.typing import ArrayLike, NDArray

_MIN_SIZE_M, _MAX_SIZE_M = 1e-2, 1e6  # of boxes that overlap anything, as in the official evaluator
# corners: 8 in exact arithmetic, at most 19 whatever rounding does to convexity (each cut: half as many more)
_ROOM = 20


def box_iou_3d(boxes: ArrayLike, others: ArrayLike) -> NDArray[np.float64]:
    """IoU (N, M) in [0, 1] of boxes (N, 7) and (M, 7): x, y, z, length, width, height, heading; metres, radians.

    Boxes turn about the vertical axis only. One with a side of at most 1 cm or at least 1000 km overlaps nothing.
    """
    sides = [np.ascontiguousarray(side, np.float64) for side in (boxes, others)]
    for name, side in zip(('boxes', 'others'), sides):
        if side.ndim != 2 or side.shape[1] != 7:
            raise ValueError(f'{name} has shape {side.shape}, wanted (N, 7): x, y, z, length, width, height, heading')
    return _iou_matrix(*sides)


@njit(cache=True, nogil=True)
def _iou_matrix(boxes, others):
    out = np.empty((len(boxes), len(others)))
    for i in range(len(boxes)):
        for j in range(len(others)):
            out[i, j] = _iou(boxes[i], others[j])
    return out


@njit(cache=True, nogil=True)
def matchable_pairs(first, last, p_starts, p_box, p_kind, g_starts, g_box, g_kind, least_iou):
    """Pairs of one type that reach least_iou[type], in frames first to last - 1, by prediction, then ground truth.

    Returns prediction (E,), ground truth (E,) int64 rows and IoU (E,) float32: the official evaluator compares and
    matches float32 numbers, so 0.7 reached up to rounding counts as reached.
    """
    predictions, truths, ious = [0 for _ in range(0)], [0 for _ in range(0)], [np.float32(0) for _ in range(0)]
    for frame in range(first, last):
        for i in range(p_starts[frame], p_starts[frame + 1]):
            for j in range(g_starts[frame], g_starts[frame + 1]):
                if p_kind[i] != g_kind[j]:
                    continue
                least = least_iou[p_kind[i]]
                if not _may_reach(p_box[i], g_box[j], least):
                    continue
                iou = np.float32(_iou(p_box[i], g_box[j]))
                if iou >= least:
                    predictions.append(i)
                    truths.append(j)
                    ious.append(iou)
    return np.array(predictions), np.array(truths), np.array(ious)


@njit(cache=True, nogil=True)
def _may_reach(a, b, least):
    """False only where two boxes are too far apart, or too unlike in volume, to have this IoU."""
    reach = 0.5 * (math.hypot(a[3], a[4]) + math.hypot(b[3], b[4]))
    if (a[0] - b[0]) ** 2 + (a[1] - b[1]) ** 2 > reach**2 or abs(a[2] - b[2]) > 0.5 * (a[5] + b[5]):
        return False
    volume_a, volume_b = a[3] * a[4] * a[5], b[3] * b[4] * b[5]
    return min(volume_a, volume_b) >= (least - 1e-6) * max(volume_a, volume_b)


@njit(cache=True, nogil=True)
def _iou(a, b):
    """IoU of two boxes (7,), in [0, 1]."""
    for k in range(3, 6):
        if min(a[k], b[k]) <= _MIN_SIZE_M or max(a[k], b[k]) >= _MAX_SIZE_M:
            return 0.0
    height = min(a[2] + a[5] / 2, b[2] + b[5] / 2) - max(a[2] - a[5] / 2, b[2] - b[5] / 2)
    if height <= 0:
        return 0.0
    shared = height * _shared_area(a, b)
    return min(max(shared / (a[3] * a[4] * a[5] + b[3] * b[4] * b[5] - shared), 0.0), 1.0)


@njit(cache=True, nogil=True)
def _shared_area(a, b):
    """Area that two rectangles share: b's corners in a's frame, cut by a's four sides one after the other."""
    cos_a, sin_a = math.cos(a[6]), math.sin(a[6])
    x, y = b[0] - a[0], b[1] - a[1]
    centre_x, centre_y = cos_a * x + sin_a * y, cos_a * y - sin_a * x
    cos_b, sin_b = math.cos(b[6] - a[6]), math.sin(b[6] - a[6])
    corners, cut = np.empty((_ROOM, 2)), np.empty((_ROOM, 2))
    for k in range(4):
        along = b[3] / 2 if k == 0 or k == 3 else -b[3] / 2
        across = b[4] / 2 if k < 2 else -b[4] / 2
        corners[k, 0] = centre_x + cos_b * along - sin_b * across
        corners[k, 1] = centre_y + sin_b * along + cos_b * across
    count = 4
    for axis in range(2):
        for sign in (-1.0, 1.0):
            count = _cut(corners, count, axis, sign, a[3 + axis] / 2, cut)
            corners, cut = cut, corners
    return _area(corners, count)


@njit(cache=True, nogil=True)
def _cut(corners, count, axis, sign, limit, out):
    """Keep the part of a convex polygon where sign * coordinate <= limit; returns its number of corners."""
    kept = 0
    for k in range(count):
        following = (k + 1) % count
        inside, inside_next = limit - sign * corners[k, axis], limit - sign * corners[following, axis]
        if inside >= 0:
            out[kept, 0], out[kept, 1] = corners[k, 0], corners[k, 1]
            kept += 1
        if inside * inside_next < 0:
            part = inside / (inside - inside_next)
            out[kept, 0] = corners[k, 0] + (corners[following, 0] - corners[k, 0]) * part
            out[kept, 1] = corners[k, 1] + (corners[following, 1] - corners[k, 1]) * part
            kept += 1
    return kept


@njit(cache=True, nogil=True)
def _area(corners, count):
    """Area of a polygon, by the shoelace formula about its first corner."""
    twice = 0.0
    for k in range(1, count - 1):
        x, y = corners[k, 0] - corners[0, 0], corners[k, 1] - corners[0, 1]
        u, v = corners[k + 1, 0] - corners[0, 0], corners[k + 1, 1] - corners[0, 1]
        twice += x * v - y * u
    return abs(twice) / 2
