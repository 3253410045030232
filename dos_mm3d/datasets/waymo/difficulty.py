"""Waymo's difficulty of a labelled box, where the annotators left it open."""

import numpy as np
from numpy.typing import NDArray

from ...errors import InputError

_MOST_POINTS_OF_LEVEL_2 = 5


def waymo_difficulty(annotated: NDArray, n_points: NDArray) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
    """Difficulty (N,) 1 or 2, and which boxes count at all (N,).

    annotated: (N,) the level in the label, 0 where it is unset. n_points: (N,) LiDAR points in the box. An unset level
    is 2 for at most 5 points, else 1; a box without any point is not ground truth. ValueError for other values.
    """
    annotated, n_points = np.asarray(annotated), np.asarray(n_points)
    if annotated.shape != n_points.shape or annotated.ndim != 1:
        raise InputError(f'annotated {annotated.shape} and n_points {n_points.shape} must be (N,), one entry per box')
    if not np.isin(annotated, (0, 1, 2)).all():
        found = sorted(set(annotated[~np.isin(annotated, (0, 1, 2))].tolist()))
        raise InputError(f'annotated difficulty must be 0 (unset), 1 or 2, got {found}')
    if (n_points < 0).any():
        raise InputError(f'n_points must be >= 0, got {n_points.min()}: count the points of each box again')
    by_points = np.where(n_points <= _MOST_POINTS_OF_LEVEL_2, 2, 1)
    return np.where(annotated == 0, by_points, annotated).astype(np.int64), n_points > 0
