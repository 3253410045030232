"""`read_sweep`: any supported file to one checked (N, 4) table."""

import os
from collections.abc import Callable, Mapping

import numpy as np

from ...errors import MissingFileError
from .arrays import read_npy, read_npz
from .base import SUFFIXES, SWEEP_COLUMNS, ReadOptions, bad_file, intensity_name, suffix_of
from .feather import UNREADABLE, feather_columns, read_feather
from .pcd import read_pcd
from .ply import read_ply
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
SMALLEST_EXTENT_M, LARGEST_EXTENT_M = 1e-2, 1e5  # beyond: values of another type or unit read as float32 metres


def read_sweep(
    path: str | os.PathLike,
    *,
    bin_columns: int | Mapping[str, int] | None = None,
    npz_key: str | None = None,
    missing_intensity: str = 'error',
) -> np.ndarray:
    """One sweep as (N, 4) float32, N >= 1: x, y, z in metres and the intensity as the file has it (`SWEEP_COLUMNS`).

    For the options see `ReadOptions`.  FileNotFoundError where there is no such file; ValueError, naming the file,
    what was found, what was wanted and what to do, where it is truncated, corrupt or empty, has other columns, or
    is not finite."""
    path = os.fspath(path)
    if not os.path.isfile(path):
        raise MissingFileError(f'{path}: no such file; wanted a sweep ({", ".join(SUFFIXES)}). Check the path.')
    suffix = suffix_of(path)
    if suffix is None:
        raise bad_file(
            path, found='an unknown suffix', wanted=f'one of {", ".join(SUFFIXES)}', fix='Convert or rename the file.'
        )
    options = ReadOptions(bin_columns, npz_key, missing_intensity)
    sweep = _assemble(path, READERS[suffix](path, options), options)
    check_sweep(path, sweep)
    return sweep


def is_sweep_file(path: str) -> bool:
    """False for a readable .feather file without x, y, z (boxes, poses, labels lie beside Argoverse 2's sweeps);
    else True: whether the rest can be read shows when it is."""
    if suffix_of(path) != '.feather':
        return True
    try:
        return {'x', 'y', 'z'} <= set(feather_columns(path))
    except UNREADABLE:
        return True


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
    if not SMALLEST_EXTENT_M < extent < LARGEST_EXTENT_M:
        raise bad_file(
            path,
            found=f'coordinates of at most {extent:.3g} in absolute value',
            wanted=f'metres from the sensor, between {SMALLEST_EXTENT_M:g} and {LARGEST_EXTENT_M:g}',
            fix='Check that the file holds float32 metres (not labels, float64 or millimetres) and its column count.',
        )


def _assemble(path: str, columns: Columns, options: ReadOptions) -> np.ndarray:
    """Named columns of any type -> (N, 4) float32."""
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
            fix="If the sensor gives none, set missing_intensity='zero'; if it is named otherwise, call it intensity.",
        )
    sources = [columns[by_lower[name]] for name in 'xyz'] + ([columns[intensity]] if intensity else [])
    sweep = np.zeros((len(sources[0]), len(SWEEP_COLUMNS)), np.float32)
    for i, source in enumerate(sources):
        sweep[:, i] = source
    return sweep
