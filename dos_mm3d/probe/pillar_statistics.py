"""The hand-crafted baseline of the probe: what a person would compute about the pillar in which a point lies."""

from collections.abc import Sequence

import numba
import numpy as np
from numpy.typing import NDArray

PILLAR_SIZES_M = (0.5, 1.0, 2.0, 4.0)
STATISTICS = ('log count', 'lowest z', 'highest minus z', 'mean z', 'sd z', 'mean intensity', 'sd intensity')


def pillar_statistics(
    points: NDArray[np.float32], query: NDArray[np.int64], *, pillar_sizes_m: Sequence[float] = PILLAR_SIZES_M
) -> NDArray[np.float32]:
    """Statistics of the pillar around each queried point, over all points given.

    points: (N, >= 4) x, y, z in metres and intensity.  query: (n,) rows of the points asked for.
    Returns (n, 7 * number of sizes): per size the columns of `STATISTICS`; z in metres, sd is the population's.
    """
    if points.ndim != 2 or points.shape[1] < 4:
        raise ValueError(f'points must be (N, >= 4) x, y, z, intensity, got {points.shape}')
    per_size = [_statistics_of_one_size(points, query, size) for size in pillar_sizes_m]
    return np.concatenate(per_size, axis=1).astype(np.float32)


def _statistics_of_one_size(points: NDArray, query: NDArray, size_m: float) -> NDArray[np.float64]:
    """(n, 7) float64 statistics for pillars of size_m x size_m metres, anchored at the origin."""
    cell = np.floor(points[:, :2].astype(np.float64) / size_m).astype(np.int64)
    cell -= cell.min(0)
    pillar = cell[:, 0] * (cell[:, 1].max() + 1) + cell[:, 1]
    used, pillar = np.unique(pillar, return_inverse=True)
    z, intensity = points[:, 2].astype(np.float64), points[:, 3].astype(np.float64)
    return _gather(*_accumulate(z, intensity, pillar, len(used)), z, pillar, query)


@numba.njit(cache=True)
def _accumulate(z, intensity, pillar, n_pillars):
    """Counts, extremes, means and population variances per pillar, in two passes so that the variance cannot cancel."""
    count = np.zeros(n_pillars)
    lowest, highest = np.full(n_pillars, np.inf), np.full(n_pillars, -np.inf)
    mean, variance = np.zeros((n_pillars, 2)), np.zeros((n_pillars, 2))
    for i in range(len(z)):
        p = pillar[i]
        count[p] += 1
        lowest[p], highest[p] = min(lowest[p], z[i]), max(highest[p], z[i])
        mean[p, 0] += z[i]
        mean[p, 1] += intensity[i]
    for p in range(n_pillars):
        mean[p] /= count[p]
    for i in range(len(z)):
        p = pillar[i]
        variance[p, 0] += (z[i] - mean[p, 0]) ** 2 / count[p]
        variance[p, 1] += (intensity[i] - mean[p, 1]) ** 2 / count[p]
    return count, lowest, highest, mean, variance


@numba.njit(cache=True)
def _gather(count, lowest, highest, mean, variance, z, pillar, query):
    """Rows of `STATISTICS` at the queried points, (n, 7)."""
    out = np.empty((len(query), 7))
    for row in range(len(query)):
        i = query[row]
        p = pillar[i]
        out[row, 0] = np.log(count[p])
        out[row, 1] = lowest[p]
        out[row, 2] = highest[p] - z[i]
        out[row, 3], out[row, 4] = mean[p, 0], np.sqrt(variance[p, 0])
        out[row, 5], out[row, 6] = mean[p, 1], np.sqrt(variance[p, 1])
    return out
