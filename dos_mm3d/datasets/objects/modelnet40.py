"""ModelNet40: its meshes, or the points of PointNet++'s `modelnet40_normal_resampled`; and the few-shot draws of it."""

import re
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from ...errors import InputError, MissingFileError
from ..converting import converting
from ..info_pickle import load_plain_pickle
from .meshes import read_off, sample_surface
from .object_set import write_object_set
from .raw import (
    MOST_COLUMNS,
    Y_UP,
    RawCloud,
    RawObject,
    RawSplit,
    present,
    read_names,
    read_rows,
    require_folder,
    require_points,
    with_objects,
)

SPLITS = ('train', 'test')
POINTS = 16384
EPISODE = re.compile(r'(\d+)way_(\d+)shot')


def find_modelnet40(root: str | Path, *, points: int | None = None, allow_partial: bool = False) -> list[RawSplit]:
    """The splits below the folder of `<class>/<train or test>/<class>_0001.off`, z up, or of the lists
    `modelnet40_train.txt` and `<class>/<class>_0001.txt`, y up, in farthest-point order.

    Args:
        root: that folder.
        points: of an object; None: 16 384 of a mesh, all of a list.
        allow_partial: take classes of which objects are missing.
    """
    root = Path(root)
    if (root / 'modelnet40_train.txt').is_file():
        return _of_points(root, points, allow_partial)
    require_folder(root, 'ModelNet40, <class>/train/*.off', inside='*/train/*.off')
    classes = tuple(sorted({path.parents[1].name for split in SPLITS for path in root.glob(f'*/{split}/*.off')}))
    objects = {
        split: [
            RawObject(path.stem, label, path)
            for label, name in enumerate(classes)
            for path in sorted((root / name / split).glob('*.off'))
        ]
        for split in SPLITS
    }
    if not allow_partial:
        for split, of_split in objects.items():
            if lacking := [name for label, name in enumerate(classes) if label not in {one.label for one in of_split}]:
                raise MissingFileError(
                    f'{root / lacking[0] / split}: holds no .off file, the first of {len(lacking)} of {len(classes)} '
                    f'classes without an object in {split}. Unpack ModelNet40.zip again, or say that you keep only '
                    'some on purpose (--allow-partial).'
                )
        _check_numbering([one for of_split in objects.values() for one in of_split])
    source = dict(format='modelnet40', variant='meshes', points=points or POINTS)
    read = partial(_read_mesh, count=points or POINTS)
    return with_objects(root, [RawSplit(split, classes, found, read, source) for split, found in objects.items()])


def _of_points(root: Path, points: int | None, allow_partial: bool) -> list[RawSplit]:
    """The splits of modelnet40_normal_resampled."""
    classes = tuple(sorted(read_names(root / 'modelnet40_shape_names.txt')))
    source = dict(format='modelnet40', variant='normal_resampled', points=points)
    splits = []
    for split in SPLITS:
        names = read_names(root / f'modelnet40_{split}.txt')
        kinds = [name.rpartition('_')[0] for name in names]
        if strange := sorted(set(kinds) - set(classes)):
            raise InputError(
                f'{root}/modelnet40_{split}.txt: names objects of {strange[:3]}, which modelnet40_shape_names.txt does '
                'not have. Unpack the download again.'
            )
        listed = [RawObject(name, classes.index(k), root / k / f'{name}.txt') for name, k in zip(names, kinds)]
        objects = present(listed, f'modelnet40_{split}.txt', allow_partial=allow_partial)
        splits.append(RawSplit(split, classes, objects, partial(_read_points, count=points), source))
    return with_objects(root, splits)


def _read_mesh(one: RawObject, random: np.random.Generator, count: int) -> RawCloud:
    return RawCloud(sample_surface(read_off(one.path), count, random))


def _read_points(one: RawObject, random: np.random.Generator, count: int | None) -> RawCloud:
    """The first rows are the farthest points, so none are drawn."""
    rows = read_rows(one.path, 6, delimiter=',')
    require_points(one.path, len(rows), count)
    return RawCloud(rows[:count, Y_UP])


def _check_numbering(objects: Sequence[RawObject]) -> None:
    """MissingFileError where the numbers of a class, train and test together, have holes."""
    numbers: dict[str, set[int]] = {}
    for one in objects:
        kind, _, number = one.name.rpartition('_')
        if not number.isdigit() or kind != one.path.parents[1].name:
            raise InputError(f'{one.path}: wanted a name as {one.path.parents[1].name}_0001.off; move it away.')
        numbers.setdefault(kind, set()).add(int(number))
    for kind, found in numbers.items():
        if missing := sorted(set(range(1, max(found) + 1)) - found):
            raise MissingFileError(
                f'{kind}_{missing[0]:04d}.off: missing, the first of {len(missing)} of the {max(found)} objects of '
                f'{kind}, train and test. Unpack ModelNet40.zip again, or say that you keep only some on purpose '
                '(--allow-partial).'
            )


def prepare_few_shot(root: str | Path, out: str | Path) -> list[Path]:
    """Every draw of `{5,10}way_{10,20}shot/{0-9}.pkl` as a prepared set of its own, `<out>/5way_10shot/0`, with the
    splits train and test; gives their folders. Nothing in the pickles is executed.

    Classes are the labels of the draw, 0 to ways - 1. The points are those of modelnet40_normal_resampled, y up.
    """
    root = Path(root)
    require_folder(root, 'the few-shot draws, 5way_10shot/0.pkl', inside='*way_*shot/*.pkl')
    paths = sorted(root.glob('*way_*shot/*.pkl'))
    folders = [Path(path.parent.name, path.stem) for path in paths]
    with converting(Path(out), folders=map(str, folders)):
        for path in paths:
            _read_draw(path)  # a damaged one is found before the first set is written
        for path, folder in zip(paths, folders):
            ways, draw = _read_draw(path)
            for split, items in draw.items():
                write_object_set(
                    Path(out) / folder,
                    split,
                    (np.asarray(item[0])[:, Y_UP] for item in items),
                    [int(item[1]) for item in items],
                    [str(label) for label in range(ways)],
                    [str(number) for number in range(len(items))],
                    source=dict(format='modelnet40_few_shot', variant=path.parent.name, draw=path.stem),
                )
    return [Path(out) / folder for folder in folders]


def _read_draw(path: Path) -> tuple[int, dict[str, Sequence[Any]]]:
    """Number of classes of a draw, and split -> its items (points, label, ...); InputError where it is none."""
    if (match := EPISODE.fullmatch(path.parent.name)) is None:
        raise InputError(f'{path}: lies in {path.parent.name}, wanted a folder as 5way_10shot. Move it away.')
    draw, (ways, shots) = load_plain_pickle(path, data_set='modelnet40_few_shot'), map(int, match.groups())
    for split in SPLITS:
        items = draw.get(split) if isinstance(draw, dict) else None
        if not isinstance(items, list | tuple) or not items or not all(_is_item(item, ways) for item in items):
            raise InputError(
                f'{path}: wanted lists train and test of (points (n, 3), label from 0 to {ways - 1}, ...), finite. '
                'Get it again.'
            )
    counts = np.bincount([int(item[1]) for item in draw['train']], minlength=ways).tolist()
    if counts != [shots] * ways:
        raise InputError(f'{path}: train has {counts} objects of the classes, wanted {shots} of each. Get it again.')
    return ways, {split: draw[split] for split in SPLITS}


def _is_item(item: Any, ways: int) -> bool:
    """Whether an entry of a draw is an object."""
    if not isinstance(item, list | tuple) or len(item) < 2:
        return False
    try:
        points, label = np.asarray(item[0]), np.asarray(item[1])
    except ValueError:  # rows of different lengths
        return False
    return (
        points.dtype.kind in 'fiu'
        and points.ndim == 2
        and len(points) > 0
        and len(Y_UP) <= points.shape[1] <= MOST_COLUMNS
        and bool(np.isfinite(points).all())
        and label.dtype.kind in 'fiu'
        and label.size == 1
        and bool(np.isin(label, range(ways)))
    )
