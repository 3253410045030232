"""What all readers share: the options, the suffixes, the column names and the form of an error."""

import os
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass

from ...errors import InputError

SWEEP_COLUMNS = ('x', 'y', 'z', 'intensity')
# '.pcd.bin', nuScenes' own, before '.bin': the first that fits counts
SUFFIXES = ('.pcd.bin', '.bin', '.pcd', '.npy', '.npz', '.ply', '.feather')
BIN_COLUMNS = {'.pcd.bin': 5, '.bin': 4}  # nuScenes: x, y, z, intensity, ring; KITTI: x, y, z, intensity
INTENSITY_NAMES = (
    'intensity',
    'intensities',
    'reflectance',
    'reflectivity',
    'remission',
    'i',
    'scalar_intensity',  # CloudCompare's ply export
)


@dataclass(frozen=True)
class ReadOptions:
    """How files are to be read.

    Args:
        bin_columns: float32 columns of a raw file, one number or by suffix (those left out keep their default); the
            first three are x, y, z in metres, the fourth is the intensity.
        npz_key: array of an .npz file; None: `range_image` where there is one, else the only array.
        missing_intensity: 'error', or 'zero' for sensors that give none (the column is then 0).
    """

    bin_columns: int | Mapping[str, int] | None = None
    npz_key: str | None = None
    missing_intensity: str = 'error'

    def __post_init__(self) -> None:
        given = self.bin_columns
        by_suffix = BIN_COLUMNS | (dict.fromkeys(BIN_COLUMNS, given) if isinstance(given, int) else dict(given or {}))
        object.__setattr__(self, 'bin_columns', by_suffix)
        for suffix, columns in by_suffix.items():
            if suffix not in BIN_COLUMNS or not isinstance(columns, int) or columns < 3:
                raise InputError(
                    f'bin_columns maps a suffix of {sorted(BIN_COLUMNS)} to a number of columns >= 3 '
                    f'(x, y, z first), got {suffix!r}: {columns!r}'
                )
        if self.missing_intensity not in ('error', 'zero'):
            raise InputError(f"missing_intensity must be 'error' or 'zero', got {self.missing_intensity!r}")


def suffix_of(path: str) -> str | None:
    """The supported suffix that `path` ends with, or None."""
    name = os.path.basename(path).lower()
    return next((suffix for suffix in SUFFIXES if name.endswith(suffix)), None)


def intensity_name(names: Iterable[str]) -> str | None:
    """The one of `names` that holds the intensity, by its usual names in any case, or None."""
    by_lower = {name.lower(): name for name in names}
    return next((by_lower[name] for name in INTENSITY_NAMES if name in by_lower), None)


def bad_file(path: str, *, found: str, wanted: str, fix: str) -> InputError:
    """The one form of an error about a file: its name, what was found, what was wanted, what to do."""
    return InputError(f'{path}: found {found}; wanted {wanted}. {fix}')


@contextmanager
def refusing(path: str, *errors: type[Exception], wanted: str, fix: str = '') -> Iterator[None]:
    """What a library or a decoder says of content that it cannot read, as an error about the file."""
    try:
        yield
    except errors as error:
        found = f'content that is no whole {suffix_of(path)} file ({type(error).__name__}: {error})'
        fix = f'The file is truncated or corrupt: copy it again.{fix}'
        raise bad_file(path, found=found, wanted=wanted, fix=fix) from error
