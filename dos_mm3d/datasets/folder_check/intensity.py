"""The scale of a sensor's intensities, by a percentile: a few wild values do not decide it."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

SCALES = (1.0, 255.0, 65535.0)  # unit interval, 8 bit, 16 bit
PERCENTILE = 99  # of the intensities above 0; what lies above it may exceed the scale, and is clipped
OTHER_SENSOR = 64  # how many times brighter a sweep of another scale is; of one sensor, sweeps differ by less
FAINT, FAINT_MIDDLE = 1 / 16, 1 / 128  # of the scale, that 99 %, or half, stay below: nothing is left of them


@dataclass(frozen=True)
class Levels:
    """middle, high: the 50th and 99th percentile of the intensities above 0, 0 where there are none; highest: of all;
    whole: whether all are whole numbers."""

    middle: float
    high: float
    highest: float
    whole: bool


def levels_of(intensity: np.ndarray) -> Levels:
    """Of (n,) intensities, 0 or more."""
    positive = intensity[intensity > 0]
    if not positive.size:
        return Levels(0.0, 0.0, 0.0, True)
    places = [(positive.size - 1) * percent // 100 for percent in (50, PERCENTILE)]
    middle, high = map(float, np.partition(positive, places)[places])
    return Levels(middle, high, float(positive.max()), bool((positive == np.floor(positive)).all()))


def unit_scale(levels: Levels) -> float | None:
    """The smallest scale that covers the 99th percentile; None where none does. Whole numbers above 1 are counts of a
    sensor, however dark the scene is, not parts of 1."""
    counts = levels.whole and levels.highest > 1
    return next((scale for scale in SCALES[counts:] if levels.high <= scale), None)


def is_other_scale(levels: Levels, usual: Levels) -> bool:
    """Whether a sweep's intensities are on another scale than the usual ones."""
    low, high = sorted((levels.high, usual.high))
    return low > 0 and high > OTHER_SENSOR * low and unit_scale(levels) != unit_scale(usual)


def usual_levels(each: Sequence[Levels], together: Levels) -> Levels:
    """The levels on whose scale most sweeps of a sensor are; those of all of them together, where they agree.

    each: of one sweep after another."""
    others = [sum(is_other_scale(levels, own) for levels in each) for own in each]
    return each[int(np.argmin(others))] if any(others) else together


def faintness(levels: Levels, scale: float) -> str:
    """Why the network would see next to nothing of intensities of which `scale` becomes 1, and what to do; '' if it
    sees them."""
    advised = levels.high if levels.middle > levels.high / OTHER_SENSOR else 4 * levels.middle
    if 0 < levels.high < FAINT * scale:
        return (
            f'intensities up to {levels.high:.3g} ({PERCENTILE} % of them) where {scale:g} becomes 1: nearly nothing '
            f'is left of them. Set intensity_max={advised:.2g}'
        )
    if 0 < levels.middle < FAINT_MIDDLE * scale:
        return (
            f'half of the intensities at most {levels.middle:.3g} where {scale:g} becomes 1, as {levels.high:.3g} is '
            f'reached by more than {100 - PERCENTILE} %: nearly nothing is left of most of them. If the large ones may '
            f'become 1 alike, set intensity_max={advised:.2g}'
        )
    return ''
