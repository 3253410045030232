"""ShapeNetCore, its meshes or the points of ShapeNet-55, and ShapeNetPart."""

import json
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from ...errors import InputError, MissingFileError
from .meshes import read_obj, sample_surface
from .raw import (
    MOST_COLUMNS,
    Y_UP,
    RawCloud,
    RawObject,
    RawSplit,
    present,
    read_lines,
    read_names,
    read_rows,
    require_folder,
    require_points,
    with_objects,
)

POINTS = 16384
LISTS = {'train': 'train.txt', 'test': 'test.txt'}
PART_SPLITS = ('train', 'val', 'test')
PARTS = {
    'Airplane': (0, 1, 2, 3),
    'Bag': (4, 5),
    'Cap': (6, 7),
    'Car': (8, 9, 10, 11),
    'Chair': (12, 13, 14, 15),
    'Earphone': (16, 17, 18),
    'Guitar': (19, 20, 21),
    'Knife': (22, 23),
    'Lamp': (24, 25, 26, 27),
    'Laptop': (28, 29),
    'Motorbike': (30, 31, 32, 33, 34, 35),
    'Mug': (36, 37),
    'Pistol': (38, 39, 40),
    'Rocket': (41, 42, 43),
    'Skateboard': (44, 45, 46),
    'Table': (47, 48, 49),
}
"""Of ShapeNetPart (PointNet++)."""


def find_shapenet(
    root: str | Path, *, lists: str | Path | None = None, points: int | None = None, allow_partial: bool = False
) -> list[RawSplit]:
    """The objects below the folder of `<synset>/<model>/models/model_normalized.obj` (v2; v1: `<model>/model.obj`), or
    of `<synset>-<model>.npy`, points of ShapeNet-55; y up in both.

    Args:
        root: that folder.
        lists: folder of train.txt and test.txt with lines `<synset>-<model>.npy`; None: all objects are train.
        points: of an object; None: 16 384 of a mesh, all of a file of points.
        allow_partial: take lists of which objects are missing.
    """
    root = Path(root)
    require_folder(root, 'ShapeNetCore, <synset>/<model>, or ShapeNet-55, <synset>-<model>.npy', inside='[0-9]*[0-9]*')
    clouds, meshes = sorted(root.glob('[0-9]*-*.npy')), _meshes(root)
    if clouds and meshes:
        raise InputError(f'{root}: holds {len(clouds)} .npy files beside {len(meshes)} models; wanted one of the two')
    found = {path.stem: path for path in clouds} or meshes
    if not found:
        raise MissingFileError(f'{root}: holds neither .obj files of models nor .npy files. Unpack the download again.')
    names = _listed(Path(lists)) if lists is not None else {'train': list(found)}
    synsets = sorted({name.partition('-')[0] for of_split in names.values() for name in of_split})
    titles = _titles(root)
    count = points if clouds else points or POINTS
    read = partial(_read_points if clouds else _read_mesh, count=count)
    source = dict(format='shapenet', variant='points' if clouds else 'meshes', points=count)
    splits = []
    for split, of_split in names.items():
        objects = [
            RawObject(name, synsets.index(name.partition('-')[0]), found.get(name, root / f'{name}.npy'))
            for name in of_split
        ]
        there = present(objects, f'the {split} list', allow_partial=allow_partial)
        splits.append(RawSplit(split, tuple(titles.get(one, one) for one in synsets), there, read, source))
    return with_objects(root, splits)


def _meshes(root: Path) -> dict[str, Path]:
    """`<synset>-<model>` -> its .obj file; InputError for a model of two. How many have none is printed: the download
    itself lacks some."""
    found: dict[str, Path] = {}
    for path in sorted(root.glob('[0-9]*/*/**/*.obj')):
        name = '-'.join(path.relative_to(root).parts[:2])
        if name in found:
            raise InputError(
                f'{path}: is beside {found[name]}, wanted one .obj file of a model. Move one of them away.'
            )
        found[name] = path
    models = [path for path in root.glob('[0-9]*/*') if path.is_dir()]
    if found and len(found) < len(models):
        lacks = next(path for path in sorted(models) if '-'.join(path.relative_to(root).parts) not in found)
        print(f'{root}: {len(models) - len(found)} of {len(models)} models have no .obj file, first {lacks}; left out')
    return found


def _listed(folder: Path) -> dict[str, list[str]]:
    """Split -> names of a folder of lists."""
    return {split: [line.removesuffix('.npy') for line in read_names(folder / name)] for split, name in LISTS.items()}


def _titles(root: Path) -> dict[str, str]:
    """Synset -> 'number name' by ShapeNetCore's taxonomy.json, where it is there; numbers stand first, as two synsets
    may have one name."""
    path = root / 'taxonomy.json'
    try:
        entries = json.loads(path.read_text()) if path.is_file() else []
        return {entry['synsetId']: f'{entry["synsetId"]} {entry["name"].partition(",")[0]}' for entry in entries}
    except (ValueError, LookupError, TypeError, AttributeError) as error:
        raise InputError(
            f'{path}: wanted a list of synsets with synsetId and name ({error!r}). Unpack the download again, or '
            'remove it: only titles are read in it.'
        ) from error


def _read_mesh(one: RawObject, random: np.random.Generator, count: int) -> RawCloud:
    return RawCloud(sample_surface(read_obj(one.path), count, random)[:, Y_UP])


def _read_points(one: RawObject, random: np.random.Generator, count: int | None) -> RawCloud:
    """All points, or some that are drawn: the order of the files is not known to mean anything."""
    try:
        found = np.load(one.path, mmap_mode='r')  # a header that says more than the file has asks for no memory
    except (ValueError, EOFError, OSError) as error:
        raise InputError(f'{one.path}: not readable as an array ({error}). Download it again.') from error
    if not isinstance(found, np.ndarray) or found.dtype.kind not in 'fiu':
        kind = found.dtype if isinstance(found, np.ndarray) else 'several arrays'
        raise InputError(f'{one.path}: holds {kind}, wanted an array of numbers. Download it again.')
    if found.ndim != 2 or not 3 <= found.shape[1] <= MOST_COLUMNS or not len(found):
        raise InputError(
            f'{one.path}: has an array of shape {found.shape}, wanted (n, 3 to {MOST_COLUMNS}), x, y, z first. '
            'Download it again.'
        )
    require_points(one.path, len(found), count)
    if count is not None and count < len(found):
        found = found[np.sort(random.choice(len(found), count, replace=False))]
    return RawCloud(found[:, Y_UP].astype(np.float32))


def find_shapenetpart(root: str | Path, *, allow_partial: bool = False) -> list[RawSplit]:
    """The splits train, val and test of the folder of `train_test_split/shuffled_train_file_list.json` and
    `<synset>/<model>.txt`, rows x y z nx ny nz part, y up.

    Args:
        root: that folder.
        allow_partial: take lists of which objects are missing.
    """
    root = Path(root)
    table = 'synsetoffset2category.txt'
    require_folder(root, 'ShapeNetPart, with its lists and synsets', inside=table)
    rows = [line.split() for line in read_lines(root / table)]
    columns = list(zip(*rows, strict=False))
    if any(len(row) != 2 for row in rows) or [len(set(column)) for column in columns] != [len(rows)] * 2:
        raise InputError(f'{root / table}: wanted lines of a name and a synset, each once. Unpack the download again.')
    labels = {synset: label for label, (_, synset) in enumerate(rows)}
    classes = tuple(name for name, _ in rows)
    # of classes that are not the official ones the parts are those that are found
    parts = {name: PARTS[name] for name in classes} if set(classes) <= set(PARTS) else None
    splits = []
    for split in PART_SPLITS:
        path = root / 'train_test_split' / f'shuffled_{split}_file_list.json'
        objects = [_part_object(root, path, entry, labels) for entry in _entries(path)]
        there = present(objects, path.name, allow_partial=allow_partial)
        splits.append(RawSplit(split, classes, there, _read_parts, dict(format='shapenetpart'), parts))
    return with_objects(root, splits)


def _entries(path: Path) -> list[Any]:
    """The different entries of a list, in their order."""
    if not path.is_file():
        raise MissingFileError(f'{path}: no such file; unpack the download again')
    try:
        entries = json.loads(path.read_text())
    except ValueError as error:
        raise InputError(f'{path}: not readable as JSON ({error}); unpack the download again') from error
    if not isinstance(entries, list):
        raise InputError(f'{path}: holds {str(entries)[:40]}, wanted a list of objects; unpack the download again')
    if twice := len(entries) - len(set(map(str, entries))):
        print(f'{path.name}: {twice} of {len(entries)} entries stand there twice, and count once')
    return list(dict.fromkeys(map(str, entries)))


def _part_object(root: Path, listed_in: Path, entry: str, labels: dict[str, int]) -> RawObject:
    """An entry `shape_data/<synset>/<model>`."""
    _, _, name = entry.partition('/')
    synset, _, model = name.partition('/')
    if synset not in labels or not model:
        raise InputError(f'{listed_in}: has the entry {entry!r}, wanted shape_data/<synset>/<model> of its synsets')
    return RawObject(name, labels[synset], root / synset / f'{model}.txt')


def _read_parts(one: RawObject, random: np.random.Generator) -> RawCloud:
    rows = read_rows(one.path, 7)
    parts, limits = rows[:, 6], np.iinfo(np.int16)  # of a prepared set
    if not np.isin(parts, np.arange(limits.max + 1)).all():
        raise InputError(
            f'{one.path}: the last of its 7 columns, {parts.min():g} to {parts.max():g}, is no number of a part; '
            'wanted x y z nx ny nz part. Unpack or download it again.'
        )
    return RawCloud(rows[:, Y_UP], parts.astype(np.int64))
