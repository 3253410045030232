"""Which type of numbers a raw file holds, where it is not float32: other bytes read as float32 give other geometry."""

import numpy as np

from ...spread import evenly_spread
from .base import MAX_COLUMNS

# what coordinates (also of a map), intensities and rings lie between, in absolute value, if not 0; whole numbers
SMALLEST, LARGEST, LARGEST_WHOLE = 1e-4, 1e8, 1e6
POINT_BYTES, MOST_POINTS = [size for size in range(13, 33) if size % 4], 4096  # of points of several types; looked at
LEAST_VALUES = 32  # fewer tell nothing: y of a single point may be 1e-16
ROUNDING_NOISE = 1e-30  # what stands for 0 in float64
N_CHUNKS, CHUNK_BYTES = 16, 4800  # looked at; whole numbers of points of 3 to 6, 8 and 10 columns of 8 bytes or less
OTHER_TYPES = {'<f8': 'float64', '>f4': 'big-endian float32', '<f2': 'float16'}
INTEGERS = {'<i4': 'int32', '<i2': 'int16'}
CLEARLY_PLAUSIBLE, LEAST_PLAUSIBLE = 0.9, 0.6  # share of float32 that is; between them another type may fit better
ALL = 0.99  # of another type
PERIODIC = 0.3  # of `structure`: columns of points, which labels have not


def type_of_numbers(content: bytes) -> str | None:
    """numpy's name of the type that the bytes speak for; None for float32; '' where they are no float32 either, and
    nothing else is clear."""
    sample = _sample(content)
    values = np.frombuffer(sample, '<f4')
    share = _plausible(values)
    if share > CLEARLY_PLAUSIBLE or values.size < LEAST_VALUES:
        return None
    if bytes_of_point(content):
        return ''
    for kind in OTHER_TYPES:
        other = _plausible(np.frombuffer(sample[: len(sample) // 8 * 8], kind))
        if other > ALL and other > share + 0.1:
            return kind
    if share >= LEAST_PLAUSIBLE:
        return None
    return next((kind for kind in INTEGERS if _integers_of_points(content, kind)), '')


def bytes_of_point(content: bytes) -> int:
    """How many bytes a point has, of points that begin with x, y, z in float32 and go on with other types; 0 where
    nothing speaks for it."""
    for size in POINT_BYTES:
        if len(content) % size == 0:
            rows = np.frombuffer(content, np.uint8).reshape(-1, size)[:MOST_POINTS, :12]
            if _plausible(np.ascontiguousarray(rows).view('<f4').reshape(-1)) > ALL:
                return size
    return 0


def columns_of(content: bytes, kind: str) -> int:
    """The number of columns that values of this type are periodic in; 4 where nothing speaks for one."""
    found = _periods(content, kind)
    best = max(found.values(), default=0)
    return min((c for c, value in found.items() if value > 0.9 * best), default=4) if best > PERIODIC else 4


def structure(values: np.ndarray, column: np.ndarray, columns: int) -> float:
    """Share of variance that the column explains, of log(1 + |value|) and of the sign, added: 0 to 2, less what it
    explains by chance.

    values: (n,); column: (n,) int, which column each value stands in."""
    n = np.maximum(np.bincount(column, minlength=columns), 1)
    explained = 0.0
    for feature in (np.log1p(np.abs(values)), (values < 0).astype(np.float32)):
        mean = np.bincount(column, feature, minlength=columns) / n
        variance = float(feature.var())
        explained += float((n * (mean - feature.mean()) ** 2).sum() / n.sum()) / variance if variance > 1e-12 else 0.0
    return explained - 2 * (columns - 1) / values.size


def _sample(content: bytes) -> bytes:
    if len(content) <= N_CHUNKS * CHUNK_BYTES:
        return content[: len(content) // 4 * 4]
    starts = evenly_spread(range(0, len(content) - CHUNK_BYTES, CHUNK_BYTES), N_CHUNKS)
    return b''.join(content[start : start + CHUNK_BYTES] for start in starts)


def _plausible(values: np.ndarray) -> float:
    """Share of values that a sweep may hold; NaN and infinity, which stand for no return, count."""
    if not values.size:
        return 1.0
    with np.errstate(all='ignore'):
        size = np.abs(values.astype(np.float64))
        smallest = ROUNDING_NOISE if values.itemsize == 8 else SMALLEST
        usual = (size == 0) | ((size > smallest) & (size < LARGEST))
        # the two bit patterns in use; a NaN of other bits is something else read as one
        quiet = np.isinf(size) | np.isin(values.view(f'u{values.itemsize}'), _no_returns(values.dtype))
    return float((usual | quiet).mean())


def _no_returns(kind: np.dtype) -> np.ndarray:
    return np.array([np.nan, -np.nan], kind).view(f'u{kind.itemsize}')


def _integers_of_points(content: bytes, kind: str) -> bool:
    sample = _sample(content)
    values = np.frombuffer(sample, kind)
    largest = 2**15 if kind == '<i2' else LARGEST_WHOLE
    if not values[1::2].any():  # of twice as many bytes, and small: labels
        return False
    in_range = values.size and (np.abs(values.astype(np.int64)) < largest).mean() > ALL
    return bool(in_range) and max(_periods(content, kind).values(), default=0) > PERIODIC


def _periods(content: bytes, kind: str) -> dict[int, float]:
    """Number of columns that the size allows -> `structure`; of the beginning of the file."""
    n_values = len(content) // np.dtype(kind).itemsize
    values = np.frombuffer(content, kind, min(n_values, 2**14)).astype(np.float64)
    if values.size < 3 * MAX_COLUMNS or not np.isfinite(values).all():
        return {}
    place = np.arange(values.size)
    return {c: structure(values, place % c, c) for c in range(3, MAX_COLUMNS + 1) if n_values % c == 0}
