"""NumPy files (`.npy`, `.npz`): tables (N, C), structured arrays, range images (H, W, C). Nothing is ever
unpickled, and no memory is taken for more numbers than the file has."""

import math
import os
import zipfile
from contextlib import AbstractContextManager
from typing import IO

import numpy as np
from numpy.lib import format as npy_format

from .base import MAX_COLUMNS, SWEEP_COLUMNS, ReadOptions, bad_file, check_unpacked, points_in, refusing

RANGE_IMAGE = 'range_image'
HEADER_READERS = {(1, 0): npy_format.read_array_header_1_0, (2, 0): npy_format.read_array_header_2_0}


def read_npy(path: str, options: ReadOptions) -> dict[str, np.ndarray]:
    """Columns of a .npy file: name -> (N,)."""
    with _refusing(path), open(path, 'rb') as file:
        array = _read_array(file, os.path.getsize(path))
    return _columns(path, array)


def read_npz(path: str, options: ReadOptions) -> dict[str, np.ndarray]:
    """Columns of one array of an .npz file: name -> (N,)."""
    return _columns(path, npz_array(path, options.npz_key))


def npz_array(path: str, stated_key: str | None = None) -> np.ndarray:
    """The array of an .npz file that is `stated_key`, else `range_image`, else the only one; in its own shape."""
    with _refusing(path), zipfile.ZipFile(path) as archive:
        member = archive.getinfo(_key(path, _keys(archive), stated_key) + '.npy')
        check_unpacked(path, member.file_size)
        with archive.open(member) as file:
            return _read_array(file, member.file_size)


def npy_columns(path: str) -> list[str]:
    """Names of the columns, by the header alone; none where the array holds no points."""
    with _refusing(path), open(path, 'rb') as file:
        return _names(*_header(file))


def npz_columns(path: str, options: ReadOptions) -> list[str]:
    """As `npy_columns`, of the array of an .npz file that is read."""
    with _refusing(path), zipfile.ZipFile(path) as archive:
        keys = _keys(archive)
        key = options.npz_key or (RANGE_IMAGE if RANGE_IMAGE in keys or len(keys) != 1 else keys[0])
        if key not in keys:
            return []
        with archive.open(key + '.npy') as file:
            return _names(*_header(file))


def _keys(archive: zipfile.ZipFile) -> list[str]:
    return [name.removesuffix('.npy') for name in archive.namelist() if name.endswith('.npy')]


def _refusing(path: str) -> AbstractContextManager[None]:
    fix = ' If it holds pickled objects, which are not loaded: save plain arrays instead.'
    # zipfile, zlib and the reader of numpy's header, a Python literal, raise nearly anything
    return refusing(path, Exception, wanted='a whole NumPy file of numbers', fix=fix)


def _header(file: IO[bytes]) -> tuple[tuple[int, ...], np.dtype]:
    """Shape and type, from the beginning of the file; what follows are the numbers."""
    version = npy_format.read_magic(file)
    if version not in HEADER_READERS:
        raise ValueError(f'format version {version}')
    shape, _, kind = HEADER_READERS[version](file)
    if kind.hasobject:
        raise ValueError('Object arrays, pickled')
    return shape, kind


def _read_array(file: IO[bytes], n_bytes: int) -> np.ndarray:
    """The array of a file of so many bytes; ValueError where its header announces more."""
    shape, kind = _header(file)
    announced = math.prod(shape) * kind.itemsize
    if not 0 <= announced <= n_bytes - file.tell():
        raise ValueError(f'{n_bytes - file.tell()} bytes of data, the header announces {announced}')
    file.seek(0)
    return npy_format.read_array(file, allow_pickle=False)


def _names(shape: tuple[int, ...], kind: np.dtype) -> list[str]:
    if kind.names:
        return [name for name in kind.names if kind[name].shape == ()]
    if not points_in(shape) or kind.kind not in 'fiu':
        return []
    return list(SWEEP_COLUMNS[: shape[-1]])


def _key(path: str, keys: list[str], stated: str | None) -> str:
    wanted = stated or (RANGE_IMAGE if RANGE_IMAGE in keys else keys[0] if len(keys) == 1 else None)
    if wanted not in keys:
        raise bad_file(
            path,
            found=f'arrays {keys}',
            wanted=f'npz_key={stated!r}' if stated else f'{RANGE_IMAGE!r}, or a single array',
            fix='Set npz_key to the array that holds the points.',
        )
    return wanted


def _columns(path: str, array: np.ndarray) -> dict[str, np.ndarray]:
    names = _names(array.shape, array.dtype)
    if array.dtype.names:
        flat = array.reshape(-1)
        return {name: flat[name] for name in names}
    if not names:
        raise bad_file(
            path,
            found=f'an array of shape {array.shape} and type {array.dtype}',
            wanted=f'points (N, C) or a range image (H, W, C), C from 3 to {MAX_COLUMNS} and less than N, or a '
            'structured array with x, y, z',
            fix='If it holds no points (labels? scores? a matrix?), keep it out with exclude=[pattern].',
        )
    table = array.reshape(-1, array.shape[-1])
    return {name: table[:, i] for i, name in enumerate(names)}
