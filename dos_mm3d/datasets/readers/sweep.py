"""`read_sweep`: any supported file to one checked (N, 4) table."""

import os
from collections.abc import Callable, Mapping

import numpy as np

from ...errors import InputError, MissingFileError
from .arrays import npy_columns, npz_columns, read_npy, read_npz
from .base import (
    SUFFIXES,
    SWEEP_COLUMNS,
    TIME_LAG,
    ReadOptions,
    bad_file,
    check_is_content,
    check_names,
    intensity_name,
    suffix_of,
)
from .cleaning import FARTHEST_M, Sweep, cleaned
from .feather import UNREADABLE, feather_columns, read_feather
from .pcd import pcd_columns, read_pcd
from .ply import ply_columns, read_ply
from .raw import read_raw

Columns = dict[str, np.ndarray]
READERS: dict[str, Callable[[str, ReadOptions], Columns]] = {
    '.pcd.bin': read_raw,
    '.bin': read_raw,
    '.pcd': read_pcd,
    '.npy': read_npy,
    '.npz': read_npz,
    '.ply': read_ply,
    '.feather': read_feather,
}
HEADERS: dict[str, Callable[[str, ReadOptions], list[str]]] = {
    '.pcd': lambda path, options: pcd_columns(path),
    '.npy': lambda path, options: npy_columns(path),
    '.npz': npz_columns,
    '.ply': lambda path, options: ply_columns(path),
    '.feather': lambda path, options: feather_columns(path),
}
SMALLEST_EXTENT_M = 1e-2
SMALL_BYTES = 1024  # a pointer of Git LFS has fewer


def read_sweep(
    path: str | os.PathLike,
    *,
    bin_columns: int | Mapping[str, int] | None = None,
    npz_key: str | None = None,
    missing_intensity: str = 'error',
) -> np.ndarray:
    """One sweep as (N, 4) float32, N >= 1: x, y, z in metres and the intensity as the file has it (`SWEEP_COLUMNS`),
    without the points that are none (:mod:`.cleaning`).

    For the options see `ReadOptions`.  FileNotFoundError where there is no such file; ValueError, naming the file,
    what was found, what was wanted and what to do, where it is truncated, corrupt or empty, or has other columns."""
    return load_sweep(os.fspath(path), ReadOptions(bin_columns, npz_key, missing_intensity)).points


def load_sweep(path: str, options: ReadOptions) -> Sweep:
    """As `read_sweep`, with what was left out."""
    if not os.path.isfile(path):
        raise MissingFileError(f'{path}: no such file; wanted a sweep ({", ".join(SUFFIXES)}). Check the path.')
    suffix = suffix_of(path)
    if suffix is None:
        raise bad_file(
            path, found='an unknown suffix', wanted=f'one of {", ".join(SUFFIXES)}', fix='Convert or rename the file.'
        )
    try:
        check_is_content(path)
        points = _assemble(path, READERS[suffix](path, options), options)
    except OSError as error:
        raise InputError(
            f'{path}: cannot be read ({error.strerror or error}); check its permissions and disk'
        ) from error
    sweep = cleaned(path, points, options.missing_intensity == 'zero')
    if sweep.total and not len(sweep.points):
        raise bad_file(
            path,
            found=f'{sweep.total} points, none of them with a return (all (0, 0, 0) or NaN)',
            wanted='at least one',
            fix='Remove the file or record it again.',
        )
    check_sweep(path, sweep.points)
    return sweep


def is_sweep_file(path: str, options: ReadOptions) -> bool | None:
    """Whether a file may be a sweep, by its header and size alone; None where these show that it cannot be read.

    False for a readable file whose header tells of no x, y, z: boxes, poses, labels and calibration lie beside sweeps.
    Raw files have no header: they are sweeps if they hold a whole number of points."""
    suffix = suffix_of(path)
    try:
        if suffix in options.bin_columns:
            size = os.path.getsize(path)
            if size < SMALL_BYTES:
                check_is_content(path)
            whole = size > 0 and size % (4 * options.bin_columns[suffix]) == 0 and os.access(path, os.R_OK)
            return True if whole else None
        names = HEADERS[suffix](path, options)
    except (ValueError, OSError, *UNREADABLE):
        return None
    return {'x', 'y', 'z'} <= {name.lower() for name in names}


def check_sweep(path: str, sweep: np.ndarray) -> None:
    """ValueError where (N, C >= 3) `sweep` is empty, not finite, or not in metres."""
    if not len(sweep):
        raise bad_file(path, found='no point', wanted='at least one', fix='Remove the file or record it again.')
    if not np.isfinite(sweep).all():
        finite = np.isfinite(sweep).all(1)
        first = int(np.argmin(finite))
        raise bad_file(
            path,
            found=f'{int((~finite).sum())} of {len(sweep)} points with NaN or infinity, the first in row {first}: '
            f'{sweep[first].tolist()}',
            wanted='finite coordinates and intensity',
            fix='Remove these points from the file, or check its type and column count.',
        )
    extent = float(np.abs(sweep[:, :3]).max())
    if not SMALLEST_EXTENT_M < extent < FARTHEST_M:
        raise bad_file(
            path,
            found=f'coordinates of at most {extent:.3g} in absolute value',
            wanted=f'metres from the sensor, between {SMALLEST_EXTENT_M:g} and {FARTHEST_M:g}',
            fix='Check that the file holds float32 metres (not labels, float64 or millimetres) and its column count; '
            'of points in a map, take the place of the sensor off.',
        )


def _assemble(path: str, columns: Columns, options: ReadOptions) -> np.ndarray:
    """Named columns of any type -> (N, 4) float32; with a time lag (N, 5)."""
    check_names(path, list(columns))
    by_lower = {name.lower(): name for name in columns}
    if not {'x', 'y', 'z'} <= by_lower.keys():
        raise bad_file(
            path, found=f'columns {sorted(columns)}', wanted='x, y, z', fix='Name the coordinate columns x, y and z.'
        )
    intensity = intensity_name(columns)
    if intensity is None and options.missing_intensity == 'error':
        raise bad_file(
            path,
            found=f'columns {list(columns)}, none of them an intensity',
            wanted=f'{", ".join(SWEEP_COLUMNS)}',
            fix="If the sensor gives none, set missing_intensity='zero'; if it is named otherwise, call it intensity; "
            'if it is no sweep (normals, flow), keep it out with exclude=[pattern].',
        )
    if isinstance(options.time_lag, int) and TIME_LAG not in columns:
        raise bad_file(
            path,
            found=f'{options.bin_columns.get(suffix_of(path), "no numbered")} columns',
            wanted=f'seconds since the key frame in column {options.time_lag}, as time_lag states',
            fix="Correct bin_columns or time_lag; for single sweeps set time_lag='zero'.",
        )
    sources = [columns[by_lower[name]] for name in 'xyz'] + ([columns[intensity]] if intensity else [])
    if strange := [str(source.dtype) for source in sources if source.dtype.kind not in 'fiub']:
        raise bad_file(
            path,
            found=f'x, y, z or intensity as {strange[0]}',
            wanted='numbers',
            fix='If it holds no points, keep it out with exclude=[pattern].',
        )
    if all(source.dtype.itemsize == 1 for source in sources[:3]):
        raise bad_file(
            path,
            found=f'x, y, z of one byte each ({sources[0].dtype})',
            wanted='metres, which need more',
            fix='If it is a picture or holds labels, keep it out with exclude=[pattern].',
        )
    sweep = np.zeros((len(sources[0]), len(SWEEP_COLUMNS) + (options.time_lag is not None)), np.float32)
    with np.errstate(over='ignore', invalid='ignore'):  # what float32 cannot hold becomes infinite, and is left out
        for i, source in enumerate(sources):
            sweep[:, i] = source
    if isinstance(options.time_lag, int):
        sweep[:, len(SWEEP_COLUMNS)] = columns[TIME_LAG]
    return sweep
