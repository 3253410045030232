"""Points that are none: cells without a return and values that no sensor gives are left out, and counted."""

from collections import Counter
from dataclasses import dataclass, field

import numpy as np

from .base import bad_file

FARTHEST_M = 1e5  # beyond: values of another type or unit read as float32 metres
TOLERATED = 0.01  # share of impossible values that is an accident of single points; more is a wrong file
N_PROBED, MARKER_SHARE = (
    256,
    0.02,
)  # one place that has a share of all points is where a driver puts those without return

NO_RETURN = 'without a return, at (0, 0, 0) or NaN: left out'
SAME_PLACE = 'at one and the same place, as those without a return: left out'
FIRST_ROWS = 16  # that a header of 256 bytes fills in a raw file of four columns
NO_FLOATS = 'among the first, with coordinates that are whole numbers (a header of the file?): left out'
TOO_FAR = f'farther than {FARTHEST_M:g} m: left out'
NO_INTENSITY = 'with an intensity that is NaN, infinite or negative: 0 in its place'


@dataclass(frozen=True)
class Sweep:
    """One file.

    Args:
        points: (N, 4) float32, x, y, z in metres, intensity; (N, 5) with a time lag in seconds.
        total: number of points before any was left out.
        mended: what was found -> number of points.
    """

    points: np.ndarray
    total: int
    mended: Counter = field(default_factory=Counter)


def cleaned(path: str, points: np.ndarray, zero_intensity: bool) -> Sweep:
    """The (N, C) points that are some, unchanged and in their order. ValueError where too many are impossible.

    zero_intensity: impossible intensities become 0, however many there are; else only where they are few, or all of
    them one value that stands for none."""
    total, mended = len(points), Counter()
    points = _without_header(points, mended)
    points = _without(points, _no_return(points[:, :3]), NO_RETURN, mended)
    points = _without(points, _at_marker(points[:, :3]), SAME_PLACE, mended)
    far = _far(points[:, :3])
    if far.sum() <= TOLERATED * len(points):
        points = _without(points, far, TOO_FAR, mended)
    points = _mend_intensity(path, points, zero_intensity, mended)
    return Sweep(points, total, mended)


def _without_header(points: np.ndarray, mended: Counter) -> np.ndarray:
    """Without those of the first rows whose coordinates are no normal float32 numbers: sines and cosines give none so
    small, whole numbers of four bytes read as float32 are."""
    size = np.abs(points[:FIRST_ROWS, :3])
    wrong = ((size > 0) & (size < np.finfo(np.float32).tiny)).any(1)
    if not wrong.any() or len(points) <= FIRST_ROWS:
        return points
    return _without(points, np.pad(wrong, (0, len(points) - len(wrong))), NO_FLOATS, mended)


def _without(points: np.ndarray, wrong: np.ndarray, what: str, mended: Counter) -> np.ndarray:
    if not wrong.any():
        return points
    mended[what] = int(wrong.sum())
    return points[~wrong]


def _no_return(xyz_m: np.ndarray) -> np.ndarray:
    """(N,) bool: (0, 0, 0), or a coordinate that is not finite."""
    x, y, z = xyz_m.T  # column by column: five times as fast as along rows of three
    empty = (x == 0) & (y == 0) & (z == 0)
    return empty | ~(np.isfinite(x) & np.isfinite(y) & np.isfinite(z))


def _far(xyz_m: np.ndarray) -> np.ndarray:
    """(N,) bool: beyond what any sensor sees."""
    x, y, z = (np.abs(column) >= FARTHEST_M for column in xyz_m.T)
    return x | y | z


def _at_marker(xyz_m: np.ndarray) -> np.ndarray:
    """(N,) bool: at the one place that a share of all points has, e.g. the origin moved to another frame."""
    nowhere = np.zeros(len(xyz_m), bool)
    if len(xyz_m) < N_PROBED:
        return nowhere
    probed, counts = np.unique(xyz_m[:: len(xyz_m) // N_PROBED], axis=0, return_counts=True)
    if counts.max() < 3:
        return nowhere
    x, y, z = (column == value for column, value in zip(xyz_m.T, probed[counts.argmax()]))
    there = x & y & z
    return there if there.mean() > MARKER_SHARE else nowhere


def _mend_intensity(path: str, points: np.ndarray, zero: bool, mended: Counter) -> np.ndarray:
    intensity = points[:, 3]
    wrong = ~((intensity >= 0) & (intensity < np.inf))
    n_wrong = int(wrong.sum())
    if not n_wrong:
        return points
    values = np.unique(intensity[wrong])
    is_sign_of_none = len(values) == 1 and n_wrong < len(points)
    if not (zero or is_sign_of_none or n_wrong <= TOLERATED * len(points)):
        raise bad_file(
            path,
            found=f'{n_wrong} of {len(points)} intensities from {values[0]:g} to {values[-1]:g}',
            wanted='0 to what the sensor can give, or one value that stands for none',
            fix=_remedy(values)
            + " To train with 0 in their place set missing_intensity='zero'; else shift all of them in the files.",
        )
    mended[NO_INTENSITY] = n_wrong
    points = points.copy()
    points[wrong, 3] = 0
    return points


def _remedy(wrong: np.ndarray) -> str:
    """What sorted impossible intensities may be."""
    if (wrong == np.floor(wrong)).all() and wrong[0] >= -128 and wrong[-1] < 0:
        return 'Bytes that were read as signed? Then add 256 to the negative ones in the files.'
    return 'Is the fourth column the intensity (x, y, z, intensity come first)?'
