"""Labelled clouds of objects on disk, the form that every data set of objects is prepared as.

A split is `<split>.json` with what is said of each object, and beside it `<split>_points.bin`, x, y, z of all objects
one after the other as float32, and where the objects have parts `<split>_parts.bin`, one int16 for each point. The JSON
is written last and removed first: without it there is no split.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from itertools import repeat
from pathlib import Path
from typing import Any

import numpy as np

from ...errors import InputError, MissingFileError, OutputExistsError
from ...files import check_output, holds_record, open_whole, read_json, write_json
from ...kinds import described, fits
from ...spread import evenly_spread

FORMAT = 'dos_mm3d object set 1'
SMALLEST, LARGEST = 1e-12, 1e12  # extents of a cloud whose squares float32 still tells apart
LOOKED_AT = 64  # clouds whose numbers are looked at when a set is opened
AGAIN = 'Prepare it again: `python tools/create_data.py`, or tools/create_synthetic.py for an embedded set'
KINDS = {
    'classes': list[str],
    'labels': list[int],
    'names': list[str],
    'counts': list[int],
    'parts_of_class': dict | None,
    'source': dict,
}
"""Of the description of a split."""
MOST_POINTS = 1 << 40  # of a cloud; more is a damaged number
POINT, PART = np.dtype('<f4'), np.dtype('<i2')


@dataclass(frozen=True)
class ObjectSet:
    """N labelled clouds of a split; their points stay on the disk until they are asked for.

    Args:
        classes: names, by label.
        labels: (N,) int64.
        names: of the objects, each once.
        offsets: (N + 1,) int64, object i has the rows offsets[i] to offsets[i + 1].
        points: (sum n, 3) float32, z up, in the unit of the source.
        part_numbers: (sum n,) int16, or None.
        parts_of_class: class -> numbers of its parts, which no other class has; None where there are no parts.
        source: what the set was made of: format, variant, points of an object, seed, sha256.
    """

    classes: tuple[str, ...]
    labels: np.ndarray
    names: tuple[str, ...]
    offsets: np.ndarray
    points: np.ndarray
    part_numbers: np.ndarray | None
    parts_of_class: dict[str, tuple[int, ...]] | None
    source: dict[str, Any]

    @classmethod
    def open(cls, folder: str | Path, split: str) -> ObjectSet:
        """A split that :func:`write_object_set` has written.

        MissingFileError where it is not there; InputError, naming the file, where its files do not fit together, a
        label is of no class, or a number of the clouds that are looked at is not finite.
        """
        folder = Path(folder)
        path = folder / f'{split}.json'
        if not path.is_file():
            found = ', '.join(splits_in(folder)) or 'none'
            raise MissingFileError(f'{path}: no such file; this folder has the splits: {found}. {AGAIN}.')
        told = _told(path)
        offsets = np.concatenate(([0], np.cumsum(told['counts'], dtype=np.int64)))
        part_file = folder / f'{split}_parts.bin'
        parts_of_class = told['parts_of_class']
        found_set = cls(
            classes=tuple(told['classes']),
            labels=np.array(told['labels'], np.int64),
            names=tuple(told['names']),
            offsets=offsets,
            points=_mapped(folder / f'{split}_points.bin', POINT, (int(offsets[-1]), 3)),
            part_numbers=None if parts_of_class is None else _mapped(part_file, PART, (int(offsets[-1]),)),
            parts_of_class=None if parts_of_class is None else {k: tuple(v) for k, v in parts_of_class.items()},
            source=told['source'],
        )
        for index in evenly_spread(range(len(found_set)), LOOKED_AT):
            check_cloud(f'{path}: object {index} ({found_set.names[index]})', found_set.cloud(index))
        return found_set

    def __len__(self) -> int:
        return len(self.labels)

    def cloud(self, index: int) -> np.ndarray:
        """(n, 3) float32 of an object, a copy; InputError where a number of it is not finite."""
        found = np.array(self.points[self._rows(index)], np.float32)
        if not np.isfinite(found).all():  # of a few clouds alone it was looked for when the set was opened
            rows = int((~np.isfinite(found).all(1)).sum())
            file = getattr(self.points, 'filename', 'this set')
            raise InputError(
                f'{file}: object {index} ({self.names[index]}): {rows} of its {len(found)} points are not finite. '
                f'{AGAIN}.'
            )
        return found

    def parts(self, index: int) -> np.ndarray:
        """(n,) int64, the number of the part that each point is of; InputError where the set has none."""
        if self.part_numbers is None:
            raise InputError(
                f'the objects of this set ({self.source.get("format")}) have no parts; wanted one that has, such as '
                'ShapeNetPart'
            )
        return np.array(self.part_numbers[self._rows(index)], np.int64)

    def _rows(self, index: int) -> slice:
        return slice(int(self.offsets[index]), int(self.offsets[index + 1]))


def splits_in(folder: str | Path) -> list[str]:
    """Sorted names of the splits in a folder."""
    points = Path(folder).glob('*_points.bin')
    names = (path.name.removesuffix('_points.bin') for path in points)
    return sorted(name for name in names if (Path(folder) / f'{name}.json').is_file())


def write_object_set(
    folder: str | Path,
    split: str,
    clouds: Iterable[np.ndarray],
    labels: Sequence[int],
    classes: Sequence[str],
    names: Sequence[str],
    parts: Iterable[np.ndarray] | None = None,
    parts_of_class: Mapping[str, Sequence[int]] | None = None,
    source: Mapping[str, Any] | None = None,
) -> ObjectSet:
    """Write a split, whole or not at all, and open it; one cloud at a time is held.

    Args:
        folder: made where it is missing; an older split of the same name is replaced.
        split: such as 'train'.
        clouds: (n, 3) each, z up, any unit; there are as many as labels.
        labels: of each, row of ``classes``.
        classes: their names.
        names: of the objects.
        parts: (n,) whole numbers of each cloud's points, with ``parts_of_class``.
        parts_of_class: class -> numbers of its parts.
        source: what is to be remembered of the set's origin, as JSON holds it.

    Raises:
        InputError: a cloud is empty, has other columns, numbers that are not finite or no extent, or does not fit its
            label or its parts.
        ValueError: clouds, labels, names or parts are of different numbers.
        OutputExistsError: a file of the user has the name of the split's, or the folder has splits of another set.
    """
    folder = Path(folder)
    check_split(folder, split, classes, source or {})
    labels = [int(label) for label in labels]
    told = {
        'format': FORMAT,
        'classes': list(classes),
        'labels': labels,
        'names': list(names),
        'parts_of_class': None if parts is None else {k: [int(n) for n in v] for k, v in parts_of_class.items()},
        'source': dict(source or {}),
    }
    if problem := _problem_of({**told, 'counts': [1] * len(labels)}):  # of clouds there are as many, or zip says so
        raise InputError(f'{folder}: {split} {problem}')
    counts, unmeasured = [], 0
    with ExitStack() as stack:
        point_file = stack.enter_context(open_whole(folder / f'{split}_points.bin'))
        part_file = None if parts is None else stack.enter_context(open_whole(folder / f'{split}_parts.bin'))
        numbers_of = repeat(None, len(labels)) if parts is None else parts
        for cloud, name, label, numbers in zip(clouds, names, labels, numbers_of, strict=True):
            cloud = np.ascontiguousarray(cloud, POINT)
            check_cloud(f'{folder}: object {name}', cloud)
            point_file.write(cloud.tobytes())
            counts.append(len(cloud))
            unmeasured += max(int((cloud == 0).all(1).sum()) - 1, 0)
            if part_file is not None:
                known = told['parts_of_class'][classes[label]]
                part_file.write(_checked_parts(f'{folder}: object {name}', numbers, len(cloud), known).tobytes())
        (folder / f'{split}.json').unlink(missing_ok=True)
    if unmeasured:
        print(
            f'WARNING: {folder / split}: {unmeasured} of {sum(counts)} points stand at (0, 0, 0), where another is: '
            'were these measured?'
        )
    write_json(folder / f'{split}.json', {**told, 'counts': counts}, indent=None)
    return ObjectSet.open(folder, split)


def check_split(folder: Path, split: str, classes: Sequence[str], source: Mapping[str, Any]) -> None:
    """OutputExistsError where `<split>.json` is there and is something else, a list of the download for example, or
    where any split in the folder is of another set: of other classes, or made of something else; InputError where
    nothing can be written."""
    is_set = holds_record('labels', 'counts', format=FORMAT)
    damaged_set = (folder / f'{split}_points.bin').is_file()  # it is made again
    check_output(folder / f'{split}.json', ours=lambda path: damaged_set or is_set(path))
    wanted = (source.get('format'), source.get('variant'), tuple(classes))
    for other in splits_in(folder):
        try:
            told = _told(folder / f'{other}.json')
        except InputError:
            continue  # damaged, it holds nothing that could be lost
        found = (told['source'].get('format'), told['source'].get('variant'), tuple(told['classes']))
        if found != wanted:
            raise OutputExistsError(
                f'{folder / other}.json: is a split of another set: {_named(*found)}, wanted {_named(*wanted)}. Choose '
                'another folder (--out-dir), or remove the files of that set.'
            )


def _named(form: str | None, variant: str | None, classes: Sequence[str]) -> str:
    """A set in words."""
    return f'{form} ({variant}) of {len(classes)} classes, {", ".join(classes[:3])}{" ..." if len(classes) > 3 else ""}'


def _told(path: Path) -> dict[str, Any]:
    """The content of a split's JSON; InputError where it is none."""
    try:
        told = read_json(path)
    except ValueError as error:
        raise InputError(f'{path}: not readable as JSON ({error}). {AGAIN}.') from error
    if not isinstance(told, dict) or told.get('format') != FORMAT:
        found = told.get('format') if isinstance(told, dict) else type(told).__name__
        raise InputError(f'{path}: found {str(found)[:80]!r}, wanted the description of an object set. {AGAIN}.')
    if problem := _problem_of(told):
        raise InputError(f'{path}: {problem}. {AGAIN}.')
    return told


def _problem_of(told: Mapping[str, Any]) -> str | None:
    """What does not fit in the description of a split; None for nothing."""
    for key, kind in KINDS.items():
        if key not in told or not fits(told[key], kind):
            return f'has {key} {str(told.get(key))[:80]}, wanted {described(kind)}'
    if not all(fits(numbers, list[int]) for numbers in (told['parts_of_class'] or {}).values()):
        return f'has parts_of_class {str(told["parts_of_class"])[:80]}, wanted numbers of parts by class'
    if not all(0 < count < MOST_POINTS for count in told['counts']):
        return f'has counts from {min(told["counts"])} to {max(told["counts"])}, wanted 1 point at least in each cloud'
    lengths = {key: len(told[key]) for key in ('labels', 'names', 'counts')}
    if len(set(lengths.values())) != 1:
        return f'has {lengths}, wanted as many of each'
    if not lengths['labels']:
        return 'has no object, wanted one at least'
    if len(set(told['classes'])) < len(told['classes']):
        return f'has the classes {told["classes"]}, wanted each name once'
    if len(set(told['names'])) < lengths['names']:
        twice = next(name for at, name in enumerate(told['names']) if name in told['names'][:at])
        return f'names the object {twice!r} twice'
    low, high = min(told['labels']), max(told['labels'])
    if low < 0 or high >= len(told['classes']):
        return f'has labels {low} to {high}, wanted 0 to {len(told["classes"]) - 1}, of {len(told["classes"])} classes'
    if told['parts_of_class'] is not None and set(told['parts_of_class']) != set(told['classes']):
        return f'has parts of {sorted(told["parts_of_class"])}, wanted those of its classes {sorted(told["classes"])}'
    return None


def _mapped(path: Path, dtype: np.dtype, shape: tuple[int, ...]) -> np.ndarray:
    """A file of numbers as an array on the disk; MissingFileError or InputError where it is not there or not whole."""
    if not path.is_file():
        raise MissingFileError(f'{path}: no such file, which the JSON beside it speaks of. {AGAIN}.')
    wanted, found = int(np.prod(shape)) * dtype.itemsize, path.stat().st_size
    if found != wanted:
        raise InputError(f'{path}: has {found} bytes, wanted {wanted} of {shape[0]} points. {AGAIN}.')
    return np.memmap(path, dtype, 'r', shape=shape)


def check_cloud(what: str, cloud: np.ndarray, remedy: str = AGAIN) -> None:
    """InputError unless a cloud is (n, 3), finite, with one point at least, and of several has an extent."""
    if cloud.ndim != 2 or cloud.shape[1] != 3 or not len(cloud):
        raise InputError(f'{what}: is a cloud of shape {cloud.shape}, wanted (n, 3), n at least 1')
    if not np.isfinite(cloud).all():
        rows = int((~np.isfinite(cloud).all(1)).sum())
        raise InputError(f'{what}: {rows} of its {len(cloud)} points are not finite. {remedy}.')
    extent = float(np.ptp(cloud.astype(np.float64), axis=0).max())
    if len(cloud) > 1 and not SMALLEST < extent < LARGEST:
        raise InputError(
            f'{what}: its {len(cloud)} points extend over {extent:g}, wanted {SMALLEST:g} to {LARGEST:g}: '
            f'{"they are one point" if not extent else "another unit is meant"}. {remedy}.'
        )


def _checked_parts(what: str, numbers: np.ndarray, count: int, known: Sequence[int]) -> np.ndarray:
    """(n,) int16; InputError unless there is one for each point, of the known ones."""
    numbers = np.asarray(numbers)
    if numbers.shape != (count,):
        raise InputError(f'{what}: has parts of shape {numbers.shape}, wanted ({count},), one for each point')
    if strange := sorted(set(np.unique(numbers).tolist()) - set(known)):
        raise InputError(f'{what}: has points of the parts {strange[:5]}, wanted those of its class, {list(known)}')
    return numbers.astype(PART)
