"""The scale of a sensor's intensities, by a percentile: a few wild values do not decide it."""

from dataclasses import dataclass

import numpy as np

SCALES = (1.0, 255.0, 65535.0)  # unit interval, 8 bit, 16 bit
PERCENTILE = 99  # of the intensities above 0; what lies above it may exceed the scale, and is clipped
OTHER_SENSOR = 64  # how many times brighter a sweep of another scale is; of one sensor, sweeps differ by less


@dataclass(frozen=True)
class Levels:
    """high: the 99th percentile of the intensities above 0, 0 where there are none; highest: of all; whole: whether all
    are whole numbers."""

    high: float
    highest: float
    whole: bool


def levels_of(intensity: np.ndarray) -> Levels:
    """Of (n,) intensities, 0 or more."""
    positive = intensity[intensity > 0]
    if not positive.size:
        return Levels(0.0, 0.0, True)
    place = (positive.size - 1) * PERCENTILE // 100
    high = float(np.partition(positive, place)[place])
    return Levels(high, float(positive.max()), bool((positive == np.floor(positive)).all()))


def unit_scale(levels: Levels) -> float | None:
    """The smallest scale that covers the 99th percentile; None where none does. Whole numbers above 1 are counts of a
    sensor, however dark the scene is, not parts of 1."""
    counts = levels.whole and levels.highest > 1
    return next((scale for scale in SCALES[counts:] if levels.high <= scale), None)


def is_other_scale(levels: Levels, usual: Levels) -> bool:
    """Whether a sweep's intensities are on another scale than the usual ones."""
    low, high = sorted((levels.high, usual.high))
    return low > 0 and high > OTHER_SENSOR * low and unit_scale(levels) != unit_scale(usual)
