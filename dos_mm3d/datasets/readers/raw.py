"""Raw float32 files (`.bin`, `.pcd.bin`): type and column count are stated by the config and checked against the
content."""

import os

import numpy as np
from scipy.stats import ks_2samp

from ...spread import evenly_spread
from .base import MAX_COLUMNS, SWEEP_COLUMNS, TIME_LAG, ReadOptions, bad_file, suffix_of
from .byte_types import INTEGERS, OTHER_TYPES, bytes_of_point, columns_of, structure, type_of_numbers

MIN_VALUES = 48  # fewer tell nothing about their columns
FEW_VALUES = 1024  # up to here chance counts: what it explains is higher, and more is asked for
OF_PARTS = 0.5  # of `structure`, between the parts of a file
TEXT, TEXT_BYTES = bytes(range(32, 127)) + b'\t\n\r', 4096
OTHER_FILES = {
    b'\x1f\x8b': 'a gzip archive (unpack it)',
    b'PK\x03\x04': 'a zip archive, such as .npz (give it its suffix, or unpack it)',
    b'\x93NUMPY': 'a .npy file (give it its suffix)',
    b'\x89HDF': 'an HDF5 file, which is not read',
}
"""First bytes of what has come to a raw file's name -> what to say of it."""
STRUCTURED = (
    "If its points are of several types, save them as a .npy with names, such as np.fromfile({path!r}, [('x', '<f4'), "
    "('y', '<f4'), ('z', '<f4'), ('intensity', 'u1')])."
)
N_SAMPLED_CHUNKS, CHUNK = 32, 480  # floats looked at: enough to tell the columns apart, read in under a millisecond


def read_raw(path: str, options: ReadOptions) -> dict[str, np.ndarray]:
    """Columns of a raw file: name -> (N,) float32."""
    columns = options.bin_columns[suffix_of(path)]
    content = _read(path)
    _check_type(content, path)
    table = _as_table(content, columns, path)
    check_column_count(table.reshape(-1), columns, path)
    _check_intensity(table, path)
    names = {name: table[:, i] for i, name in enumerate(SWEEP_COLUMNS[:columns])}
    if isinstance(options.time_lag, int) and options.time_lag < columns:
        names[TIME_LAG] = table[:, options.time_lag]
    return names


def read_float_table(path: str, columns: int) -> np.ndarray:
    """The file as (N, columns) float32, of its own memory; ValueError where the size is no whole number of points."""
    return _as_table(_read(path), columns, path)


def _read(path: str) -> bytearray:
    """All bytes. np.fromfile would give what it got, without a word, where the disk fails."""
    with open(path, 'rb') as file:
        content = bytearray(os.fstat(file.fileno()).st_size)
        n_read = file.readinto(content)
    return content[:n_read] if n_read < len(content) else content


def _as_table(content: bytearray, columns: int, path: str) -> np.ndarray:
    n_bytes, point_bytes = len(content), 4 * columns
    if n_bytes == 0 or n_bytes % point_bytes:
        fitting = [c for c in range(3, MAX_COLUMNS + 1) if n_bytes and n_bytes % (4 * c) == 0]
        raise bad_file(
            path,
            found=f'{n_bytes} bytes, {n_bytes // point_bytes} whole points and {n_bytes % point_bytes} bytes more',
            wanted=f'a multiple of {point_bytes} bytes, for {columns} float32 columns a point',
            fix='Either the file is truncated (copy it again), '
            f'or bin_columns is wrong (the size fits {fitting or "none"}).',
        )
    return np.frombuffer(content, np.float32).reshape(-1, columns)


def _check_type(content: bytearray, path: str) -> None:
    """ValueError where the bytes are numbers of another type, with how to make a file of them that is read."""
    wanted = 'float32 metres (not labels, not another type)'
    if content and not content[:TEXT_BYTES].translate(None, TEXT):
        fix = f"np.save('{os.path.splitext(path)[0]}.npy', np.loadtxt({path!r})) makes a file that is read."
        raise bad_file(path, found='a text', wanted=wanted, fix=f'If it is a table, {fix}')
    kind = type_of_numbers(content)
    if kind is None:
        return
    if not kind:
        found = next((what for beginning, what in OTHER_FILES.items() if content.startswith(beginning)), None)
        fix = 'If it holds labels or something else, keep it out with exclude=[pattern].'
        if found is None and (size := bytes_of_point(content)):
            found = f'points of {size} bytes each, which begin with x, y, z in float32, as it seems'
            fix = f'{fix} {STRUCTURED.format(path=path)}'
        raise bad_file(path, found=found or 'numbers that read as float32 are no coordinates', wanted=wanted, fix=fix)
    columns = columns_of(content, kind)
    table = f"np.fromfile({path!r}, '{kind}').reshape(-1, {columns})"
    if kind in INTEGERS:
        table = f'{table} * ([0.001] * 3 + [1] * {columns - 3}), if they are millimetres'
    raise bad_file(
        path,
        found=f'{(OTHER_TYPES | INTEGERS)[kind]} numbers, {columns} columns as it seems',
        wanted=wanted,
        fix=f'Save them as {os.path.splitext(path)[0]}.npy, which knows its type, and take this file away: {table}.',
    )


def _check_intensity(table: np.ndarray, path: str) -> None:
    """ValueError where the fourth column holds whole numbers, whose bytes read as float32 are next to nothing."""
    highest = np.nanmax(np.abs(table[:, 3]), initial=0) if table.shape[1] > 3 else 0
    if 0 < highest < np.finfo(np.float32).tiny:
        raise bad_file(
            path,
            found=f'values up to {highest:.2g} in the fourth column: whole numbers, as it seems',
            wanted='the intensity in float32',
            fix=STRUCTURED.format(path=path),
        )


def check_column_count(flat: np.ndarray, columns: int, path: str) -> None:
    """ValueError where the values show another number of columns than the stated one, or one column after another.

    flat: (N * columns,) float32, the file.  The columns of a sweep (x, y, z, intensity, ring, ...) differ in
    distribution, so that the values are periodic in the true number of columns, in whatever order the points are;
    see `likely_columns`."""
    if is_transposed(flat, columns):
        raise bad_file(
            path,
            found='all of x first, then all of y and so on, as it seems',
            wanted=f'{columns} float32 columns point by point',
            fix=f'Write it anew: np.fromfile({path!r}, np.float32).reshape({columns}, -1).T.copy().tofile(...).',
        )
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

    For each count that divides the size, `structure` is the share of variance that the position within a point
    explains; it is near 0 for a wrong count without a common divisor, and as large as for the right one for its
    multiples. Multiples and divisors are told apart by whether x and y would be distributed like the columns
    `count` further on."""
    if flat.size < MIN_VALUES:
        return stated
    where = _sampled_positions(flat.size)
    where = where[np.isfinite(flat[where])]  # a point without a return may be NaN
    if where.size < MIN_VALUES:
        return stated
    values = flat[where]
    counts = [c for c in range(3, MAX_COLUMNS + 1) if flat.size % c == 0]
    explained = {c: structure(values, where % c, c) for c in counts}
    best = max(explained.values())
    if best < (0.1 if flat.size >= FEW_VALUES else 0.3):
        return stated  # nothing to go by: uniform noise, a test's random numbers
    likely = min(c for c in counts if explained[c] > 0.9 * best)
    if likely == stated:
        return stated
    if likely % stated == 0:
        return likely if not _repeats(values, where % likely, stated) else stated
    if stated % likely == 0:
        return likely if _repeats(values, where % stated, likely) else stated
    return likely if best > 2 * explained[stated] else stated


def is_transposed(flat: np.ndarray, columns: int) -> bool:
    """Whether the values differ between the parts of the file, one for each column, and not within a point."""
    if flat.size < FEW_VALUES or flat.size % columns:
        return False
    where = _sampled_positions(flat.size)
    where = where[np.isfinite(flat[where])]
    if where.size < MIN_VALUES:
        return False
    values = flat[where]
    if structure(values, where % columns, columns) > OF_PARTS / 5:
        return False
    return structure(values, where // (flat.size // columns), columns) > OF_PARTS


def _sampled_positions(size: int) -> np.ndarray:
    """Positions of evenly spaced runs of values, (n,) int64; everything where the file is small."""
    if size <= N_SAMPLED_CHUNKS * CHUNK:
        return np.arange(size)
    starts = np.array(evenly_spread(range(size - CHUNK + 1), N_SAMPLED_CHUNKS))
    return (starts[:, None] + np.arange(CHUNK)).reshape(-1)


def _repeats(values: np.ndarray, column: np.ndarray, shift: int) -> bool:
    """Whether columns 0 and 1 (x and y) are distributed like the columns `shift` further on, by the Kolmogorov-Smirnov
    statistic; of few values chance alone makes a larger one."""
    pairs = [(values[column == c], values[column == c + shift]) for c in (0, 1)]
    return all(
        ks_2samp(a, b, method='asymp').statistic < max(0.25, 1.95 * (1 / len(a) + 1 / len(b)) ** 0.5) for a, b in pairs
    )
