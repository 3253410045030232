"""A fourth column that is no intensity though it could be one: the range, the time or the beam of each point.

The thresholds leave alone what sound sweeps of real sensors show."""

import numpy as np

LEAST_POINTS = 512  # fewer tell nothing
SAME = 0.999  # of Pearson's correlation
RISING, LEAST_TIMES = 0.95, 64  # share of the steps from point to point that are none of 0; different values
MOST_BEAMS, OF_ONE_BEAM = 256, 0.1  # share of the elevation's spread that is left among points of one beam
MOST_LABELS = 24


def what_else(points: np.ndarray) -> list[str]:
    """What the fourth column of (N, 4) points looks like other than an intensity, one clause at most."""
    xyz, values = points[:, :3].astype(np.float64), points[:, 3].astype(np.float64)
    if len(values) < LEAST_POINTS or np.ptp(values) == 0:
        return []
    if name := _same_as(xyz, values) or _time(values) or _beam_or_label(xyz, values):
        return [f'the fourth column looks like {name}, not like an intensity: other columns than x, y, z, intensity?']
    return []


def _same_as(xyz: np.ndarray, values: np.ndarray) -> str:
    """Which place or range it is, in any unit."""
    horizontal = np.hypot(xyz[:, 0], xyz[:, 1])
    others = {'x': xyz[:, 0], 'y': xyz[:, 1], 'z': xyz[:, 2], 'the distance': np.hypot(horizontal, xyz[:, 2])}
    others |= {'|x|': np.abs(xyz[:, 0]), '|y|': np.abs(xyz[:, 1]), 'the distance on the ground': horizontal}
    spread = {name: other for name, other in others.items() if np.ptp(other) > 0}
    return next((name for name, other in spread.items() if abs(np.corrcoef(other, values)[0, 1]) > SAME), '')


def _time(values: np.ndarray) -> str:
    """It never falls from one point to the next, but at the beginning of a new beam."""
    steps = np.diff(values)
    rises = (steps > 0).sum() > RISING * np.count_nonzero(steps)
    return 'a time or a count' if rises and len(np.unique(values)) > LEAST_TIMES else ''


def _beam_or_label(xyz: np.ndarray, values: np.ndarray) -> str:
    if (values != np.floor(values)).any():
        return ''
    found, which, n = np.unique(values, return_inverse=True, return_counts=True)
    if 4 <= len(found) <= MOST_BEAMS:
        elevation = np.arctan2(xyz[:, 2], np.hypot(xyz[:, 0], xyz[:, 1]))
        mean = np.bincount(which, elevation) / n
        if ((elevation - mean[which]) ** 2).mean() < OF_ONE_BEAM * elevation.var():
            return 'the number of the beam'
    return 'a label' if 2 < len(found) <= MOST_LABELS and found[-1] < MOST_LABELS else ''
