"""What a reader finds of a download: the objects of each split, and how one of them is read."""

from __future__ import annotations

import json
import warnings
import zlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from hashlib import sha256
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from ...errors import InputError, MissingFileError
from ...files import missing_files

Y_UP = [2, 0, 1]
"""Columns of a cloud whose y is up, in the order that makes z so: a rotation."""

MOST_COLUMNS = 12
"""Of an array of points; with more, the points are its columns."""


class RawCloud(NamedTuple):
    """An object as it was read.

    Args:
        points: (n, 3), z up, in the unit of the file.
        parts: (n,) whole numbers, or None.
    """

    points: np.ndarray
    parts: np.ndarray | None = None


class RawObject(NamedTuple):
    """An object of a download, not read yet.

    Args:
        name: of which there is one in a split.
        label: row of the classes.
        path: of its file.
        box: (7,) of a detection's object, x, y, z of the bottom's middle, sizes, yaw; None for others.
        rows: points of its file, where they are known beforehand.
    """

    name: str
    label: int
    path: Path
    box: tuple[float, ...] | None = None
    rows: int | None = None


@dataclass(frozen=True)
class RawSplit:
    """The objects of a split.

    Args:
        split: its name, such as 'train'.
        classes: names, by label.
        objects: of which no two have one name.
        read: a function of a module, or a partial of one: object and its generator -> its cloud.
        source: of the prepared set, what the clouds are made by: format, variant, points of an object.
        parts_of_class: class -> numbers of its parts; None: those that are found in the splits together, if any.
    """

    split: str
    classes: tuple[str, ...]
    objects: Sequence[RawObject]
    read: Callable[[RawObject, np.random.Generator], RawCloud]
    source: Mapping[str, Any]
    parts_of_class: Mapping[str, Sequence[int]] | None = None

    @cached_property
    def key(self) -> str:
        """sha256 of what the prepared set depends on: settings, names, sizes and times of the files."""
        files = [(*one[:2], *one[3:], (s := one.path.stat()).st_size, s.st_mtime_ns) for one in self.objects]
        return sha256(json.dumps([dict(self.source), list(self.classes), files]).encode()).hexdigest()


def require_folder(root: Path, holds: str, *, inside: str) -> Path:
    """``root``; MissingFileError where it is no folder, InputError where a folder in it is the one that is meant.

    Args:
        root: of a data set.
        holds: what lies in it, for the error.
        inside: pattern of what must lie in it.
    """
    if not root.is_dir():
        raise MissingFileError(f'{root}: no such folder; wanted {holds}. Unpack the download, or correct --root-path.')
    if next(root.glob(inside), None) is None:
        nested = next((found for found in sorted(root.iterdir()) if next(found.glob(inside), None)), None)
        hint = f'it is in {nested}: give that' if nested else 'unpack the download, or correct --root-path'
        raise MissingFileError(f'{root}: holds no {inside}; wanted {holds}; {hint}.')
    return root


def present(objects: Sequence[RawObject], what: str, *, allow_partial: bool) -> list[RawObject]:
    """Those objects whose files are there; MissingFileError where some are not, unless that is on purpose.

    what: names them, for the error.
    """
    missing = set(missing_files([one.path for one in objects]))
    if missing and not allow_partial:
        first = next(one.path for one in objects if one.path in missing)
        raise MissingFileError(
            f'{first}: missing, the first of {len(missing)} of the {len(objects)} objects of {what}. Unpack the '
            'download again, or say that you keep only some on purpose (--allow-partial).'
        )
    if missing:
        print(f'{what}: {len(missing)} of {len(objects)} objects are not there, and are left out')
    return [one for one in objects if one.path not in missing]


def with_objects(root: Path, splits: Sequence[RawSplit]) -> list[RawSplit]:
    """Those splits that have objects, and a word about the others; MissingFileError where none has."""
    found = [split for split in splits if split.objects]
    if not found:
        raise MissingFileError(f'{root}: none of the objects of {", ".join(s.split for s in splits)} is there')
    for split in splits:
        if not split.objects:
            print(f'{root}: {split.split} has no object, and is left out')
    return found


def read_names(path: Path) -> list[str]:
    """The words of a list of the download; MissingFileError or InputError, naming it."""
    return ' '.join(read_lines(path)).split()


def read_lines(path: Path) -> list[str]:
    """The lines of a list of the download, without those that are empty; MissingFileError or InputError, naming it."""
    if not path.is_file():
        raise MissingFileError(f'{path}: no such file. Unpack the download again.')
    try:
        return [stripped for line in path.read_text().splitlines() if (stripped := line.strip())]
    except ValueError as error:
        raise InputError(f'{path}: is no text ({error}). Unpack the download again.') from error


def require_points(path: Path, found: int, wanted: int | None) -> None:
    """InputError where a file has fewer points than are asked for; None: all that it has."""
    if wanted is not None and found < wanted:
        raise InputError(f'{path}: has {found} points, wanted {wanted} (--points); leave --points out to take all')


def read_rows(path: Path, columns: int, *, delimiter: str | None = None) -> np.ndarray:
    """(n, columns) float64 of a text file of numbers; InputError, naming it, where it is another kind of table."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter('ignore', UserWarning)  # of a file without rows, which is said below
            rows = np.loadtxt(path, dtype=np.float64, delimiter=delimiter, ndmin=2)
    except (ValueError, EOFError, OSError, zlib.error) as error:  # the last three of what is packed and damaged
        raise InputError(f'{path}: not readable as numbers ({error}). Unpack or download it again.') from error
    if rows.shape[1] != columns or not len(rows):
        raise InputError(f'{path}: has {rows.shape} numbers, wanted (n, {columns}). Unpack or download it again.')
    if lost := int((~np.isfinite(rows[:, :3]).all(1)).sum()):
        raise InputError(f'{path}: {lost} of its {len(rows)} points are not finite. Unpack or download it again.')
    return rows
