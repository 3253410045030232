"""What all readers share: the options, the suffixes, the column names and the form of an error."""

import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

from ...errors import InputError, UserError

SWEEP_COLUMNS = ('x', 'y', 'z', 'intensity')
TIME_LAG = 'time lag'
# '.pcd.bin', nuScenes' own, before '.bin': the first that fits counts
SUFFIXES = ('.pcd.bin', '.bin', '.pcd', '.npy', '.npz', '.ply', '.feather')
BIN_COLUMNS = {'.pcd.bin': 5, '.bin': 4}  # nuScenes: x, y, z, intensity, ring; KITTI: x, y, z, intensity
MAX_COLUMNS = 16  # of an unnamed table: with more it is something else (scores of classes, a transposed table)
# What a file may unpack to: a sweep has a few MiB, and what takes more does not shrink to an eighth.
ALWAYS_ALLOWED_BYTES, MOST_TIMES_UNPACKED = 2**24, 8
LFS_POINTER = b'version https://git-lfs'
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
        missing_intensity: 'error', or 'zero' for sensors that give none: a column that is missing, and a value that is
            NaN or negative, are 0.
        time_lag: None for no such column; 'zero' for a fifth column of zeros, as of single sweeps; or the column of
            raw files, counted from 0, that has the seconds since the key frame.
    """

    bin_columns: int | Mapping[str, int] | None = None
    npz_key: str | None = None
    missing_intensity: str = 'error'
    time_lag: int | str | None = None

    def __post_init__(self) -> None:
        given = self.bin_columns
        if not (given is None or type(given) is int or isinstance(given, Mapping)):
            raise InputError(f'bin_columns must be a whole number, or one by suffix, got {given!r}')
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
        if isinstance(self.time_lag, str) and self.time_lag.isdecimal():  # of the command line, where 'zero' stood
            object.__setattr__(self, 'time_lag', int(self.time_lag))
        column = type(self.time_lag) is int and self.time_lag >= len(SWEEP_COLUMNS)
        if not (column or self.time_lag in (None, 'zero')):
            raise InputError(
                f"time_lag must be None, 'zero' or a column of raw files behind {', '.join(SWEEP_COLUMNS)}, counted "
                f'from 0, so {len(SWEEP_COLUMNS)} or more; got {self.time_lag!r}'
            )


def suffix_of(path: str) -> str | None:
    """The supported suffix that `path` ends with, or None."""
    name = os.path.basename(path).lower()
    return next((suffix for suffix in SUFFIXES if name.endswith(suffix)), None)


def intensity_name(names: Iterable[str]) -> str | None:
    """The one of `names` that holds the intensity, by its usual names in any case, or None."""
    by_lower = {name.lower(): name for name in names}
    return next((by_lower[name] for name in INTENSITY_NAMES if name in by_lower), None)


def points_in(shape: Sequence[int]) -> bool:
    """Whether an unnamed array of this shape may hold points: (N, C) or (H, W, C), C columns from 3 to MAX_COLUMNS, and
    more points than columns (a matrix of a calibration has not)."""
    return len(shape) in (2, 3) and 3 <= shape[-1] <= MAX_COLUMNS and (len(shape) == 3 or shape[0] > shape[1])


def check_unpacked(path: str, n_bytes: int) -> None:
    """ValueError where a file announces so much content that it cannot be a sweep; before memory is taken for it."""
    file_bytes = os.path.getsize(path)
    if n_bytes > max(ALWAYS_ALLOWED_BYTES, MOST_TIMES_UNPACKED * file_bytes):
        raise bad_file(
            path,
            found=f'{n_bytes} bytes of content announced by a file of {file_bytes}',
            wanted=f'at most {MOST_TIMES_UNPACKED} times as many as the file has',
            fix='It is corrupt, or no sweep: copy it again, or keep it out with exclude=[pattern].',
        )


def check_names(path: str, names: Sequence[str]) -> None:
    """ValueError where x, y, z or the intensity stands several times among the names of columns, in any case of
    letters: it is not clear which one is meant."""
    lowered = [name.lower() for name in names]
    meant = {'x', 'y', 'z', *INTENSITY_NAMES}
    if repeated := sorted({name for name in lowered if name in meant and lowered.count(name) > 1}):
        raise bad_file(
            path,
            found=f'columns {list(names)}, several of them {", ".join(repeated)}',
            wanted='each of x, y, z and the intensity once',
            fix='Rename the others.',
        )


def distinct(names: Sequence[str]) -> list[str]:
    """The names, those that occur several times (`_` pads, some write rgb twice) with their place behind."""
    return [name if names.count(name) == 1 else f'{name}_{place}' for place, name in enumerate(names)]


def check_is_content(path: str) -> None:
    """ValueError where the file is what Git LFS leaves in place of a file that was not fetched."""
    with open(path, 'rb') as file:
        if file.read(len(LFS_POINTER)) == LFS_POINTER:
            raise bad_file(path, found='a pointer of Git LFS', wanted='the file itself', fix='Run: git lfs pull')


def bad_file(path: str, *, found: str, wanted: str, fix: str) -> InputError:
    """The one form of an error about a file: its name, what was found, what was wanted, what to do."""
    return InputError(f'{path}: found {found}; wanted {wanted}. {fix}')


@contextmanager
def refusing(path: str, *errors: type[Exception], wanted: str, fix: str = '') -> Iterator[None]:
    """What a library or a decoder says of content that it cannot read, as an error about the file. What is one already,
    and what the system says of the file itself, stays."""
    try:
        yield
    except errors as error:
        if isinstance(error, UserError) or (isinstance(error, OSError) and error.filename is not None):
            raise
        found = f'content that is no whole {suffix_of(path)} file ({type(error).__name__}: {error})'
        fix = f'The file is truncated or corrupt: copy it again.{fix}'
        raise bad_file(path, found=found, wanted=wanted, fix=fix) from error
