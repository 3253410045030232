"""Raw float32 files (`.bin`, `.pcd.bin`): the column count is stated by the config and checked against the content."""

import os

import numpy as np
from scipy.stats import ks_2samp

from ...spread import evenly_spread
from .base import SWEEP_COLUMNS, ReadOptions, bad_file, suffix_of

MAX_COLUMNS = 16
MIN_VALUES = 1024  # fewer tell too little about their columns
N_SAMPLED_CHUNKS, CHUNK = 32, 480  # floats looked at: enough to tell the columns apart, read in under a millisecond


def read_raw(path: str, options: ReadOptions) -> dict[str, np.ndarray]:
    """Columns of a raw file: name -> (N,) float32."""
    columns = options.bin_columns[suffix_of(path)]
    table = read_float_table(path, columns)
    check_column_count(table.reshape(-1), columns, path)
    return {name: table[:, i] for i, name in enumerate(SWEEP_COLUMNS[:columns])}


def read_float_table(path: str, columns: int) -> np.ndarray:
    """The file as (N, columns) float32; ValueError where the size is no whole number of points."""
    n_bytes, point_bytes = os.path.getsize(path), 4 * columns
    if n_bytes == 0 or n_bytes % point_bytes:
        fitting = [c for c in range(3, MAX_COLUMNS + 1) if n_bytes and n_bytes % (4 * c) == 0]
        raise bad_file(
            path,
            found=f'{n_bytes} bytes, {n_bytes // point_bytes} whole points and {n_bytes % point_bytes} bytes more',
            wanted=f'a multiple of {point_bytes} bytes, for {columns} float32 columns a point',
            fix='Either the file is truncated (copy it again), '
            f'or bin_columns is wrong (the size fits {fitting or "none"}).',
        )
    return np.fromfile(path, np.float32).reshape(-1, columns)


def check_column_count(flat: np.ndarray, columns: int, path: str) -> None:
    """ValueError where the values show another number of columns than the stated one.

    flat: (N * columns,) float32, the file.  The columns of a sweep (x, y, z, intensity, ring, ...) differ in
    distribution, so that the values are periodic in the true number of columns, in whatever order the points are;
    see `likely_columns`."""
    likely = likely_columns(flat, columns)
    if likely != columns:
        raise bad_file(
            path,
            found=f'values that repeat every {likely} columns',
            wanted=f'{columns} float32 columns a point, as bin_columns states',
            fix=f'Set bin_columns={likely} (the first columns must be x, y, z, intensity).',
        )


def likely_columns(flat: np.ndarray, stated: int) -> int:
    """The number of columns that the values speak for; `stated` unless they clearly speak against it.

    For each count that divides the size, `_structure` is the share of variance that the position within a point
    explains; it is near 0 for a wrong count without a common divisor, and as large as for the right one for its
    multiples. Multiples and divisors are told apart by whether x and y would be distributed like the columns
    `count` further on."""
    if flat.size < MIN_VALUES:
        return stated
    where = _sampled_positions(flat.size)
    values = flat[where]
    if not np.isfinite(values).all():
        return stated  # the caller reports NaN and infinity in its own words
    counts = [c for c in range(3, MAX_COLUMNS + 1) if flat.size % c == 0]
    structure = {c: _structure(values, where % c, c) for c in counts}
    best = max(structure.values())
    if best < 0.1:
        return stated  # nothing to go by: uniform noise, a test's random numbers
    likely = min(c for c in counts if structure[c] > 0.9 * best)
    if likely == stated:
        return stated
    if likely % stated == 0:
        return likely if not _repeats(values, where % likely, stated) else stated
    if stated % likely == 0:
        return likely if _repeats(values, where % stated, likely) else stated
    return likely if best > 2 * structure[stated] else stated


def _sampled_positions(size: int) -> np.ndarray:
    """Positions of evenly spaced runs of values, (n,) int64; everything where the file is small."""
    if size <= N_SAMPLED_CHUNKS * CHUNK:
        return np.arange(size)
    starts = np.array(evenly_spread(range(size - CHUNK + 1), N_SAMPLED_CHUNKS))
    return (starts[:, None] + np.arange(CHUNK)).reshape(-1)


def _structure(values: np.ndarray, column: np.ndarray, columns: int) -> float:
    """Share of variance explained by the column, of log(1 + |value|) and of the sign, added: 0 to 2."""
    n = np.maximum(np.bincount(column, minlength=columns), 1)
    explained = 0.0
    for feature in (np.log1p(np.abs(values)), (values < 0).astype(np.float32)):
        mean = np.bincount(column, feature, minlength=columns) / n
        variance = float(feature.var())
        explained += float((n * (mean - feature.mean()) ** 2).sum() / n.sum()) / variance if variance > 1e-12 else 0.0
    return explained


def _repeats(values: np.ndarray, column: np.ndarray, shift: int) -> bool:
    """Whether columns 0 and 1 (x and y) are distributed like the columns `shift` further on, by the Kolmogorov-Smirnov
    statistic."""
    pairs = [(values[column == c], values[column == c + shift]) for c in (0, 1)]
    return all(ks_2samp(*pair, method='asymp').statistic < 0.25 for pair in pairs)
