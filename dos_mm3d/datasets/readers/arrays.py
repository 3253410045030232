"""NumPy files (`.npy`, `.npz`): tables (N, C), structured arrays, range images (H, W, C). Nothing is ever
unpickled."""

import zipfile
import zlib
from contextlib import AbstractContextManager

import numpy as np

from .base import SWEEP_COLUMNS, ReadOptions, bad_file, refusing

UNREADABLE = (ValueError, OSError, EOFError, KeyError, zipfile.BadZipFile, zlib.error, NotImplementedError)
RANGE_IMAGE = 'range_image'


def read_npy(path: str, options: ReadOptions) -> dict[str, np.ndarray]:
    """Columns of a .npy file: name -> (N,)."""
    return _columns(path, _load(path))


def read_npz(path: str, options: ReadOptions) -> dict[str, np.ndarray]:
    """Columns of one array of an .npz file: name -> (N,)."""
    archive = _load(path)
    if not isinstance(archive, np.lib.npyio.NpzFile):
        raise bad_file(path, found='a single array', wanted='an .npz archive', fix='Rename the file to .npy.')
    with archive:
        key = _key(path, archive.files, options.npz_key)
        with _refusing(path):
            array = archive[key]
    return _columns(path, array)


def _load(path: str) -> np.ndarray | np.lib.npyio.NpzFile:
    with _refusing(path):
        return np.load(path, allow_pickle=False)


def _refusing(path: str) -> AbstractContextManager[None]:
    fix = ' If it holds pickled objects, which are not loaded: save plain arrays instead.'
    return refusing(path, *UNREADABLE, wanted='a whole NumPy file of numbers', fix=fix)


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
    if array.dtype.names:
        flat = array.reshape(-1)
        return {name: flat[name] for name in array.dtype.names if flat.dtype[name].shape == ()}
    if array.ndim not in (2, 3) or array.shape[-1] < 3 or array.dtype.kind not in 'fiu':
        raise bad_file(
            path,
            found=f'an array of shape {array.shape} and type {array.dtype}',
            wanted='(N, C >= 3) points, (H, W, C >= 3) range image, or a structured array with x, y, z',
            fix='If it holds no points (labels?), keep it out with exclude=[pattern].',
        )
    if array.ndim == 3:
        array = array[(array[..., :3] != 0).any(-1)]  # a cell without a return is zero in x, y and z
    return {name: array[:, i] for i, name in enumerate(SWEEP_COLUMNS[: array.shape[1]])}
