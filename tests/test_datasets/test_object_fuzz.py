"""Broken downloads of objects, box databases and prepared sets: read right, or refused with a named error; nothing
else, ever."""

import gzip
import io
import json
import pickle
from collections.abc import Callable
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest
from hypothesis import strategies as st

from dos_mm3d.datasets.objects.crops import find_box_database, find_object_folder
from dos_mm3d.datasets.objects.meshes import read_obj, read_off, sample_surface
from dos_mm3d.datasets.objects.modelnet40 import find_modelnet40, prepare_few_shot
from dos_mm3d.datasets.objects.object_set import ObjectSet, write_object_set
from dos_mm3d.datasets.objects.prepare import Piece
from dos_mm3d.datasets.objects.raw import RawSplit
from dos_mm3d.datasets.objects.scanobjectnn import prepare_scanobjectnn
from dos_mm3d.datasets.objects.shapenet import find_shapenetpart
from dos_mm3d.errors import InputError
from tests.helpers import object_files
from tests.helpers.fuzz import LENGTHS, altered, broken, put, right_or_named, try_all

OBJ = b'# a\nv 0 0 0\nv 1 0 0\nv 0 2 0\nv 0 0 3\nvt 0 0\nvn 0 0 1\nf 1/1/1 2//1 3\nf -4 -3 -1\nf 2 3 4 1\n'


def read_all(splits: list[RawSplit], folder: Path) -> None:
    """Every object of some splits, as preparing does it; finite, of three columns."""
    for split in splits:
        piece = Piece(split, split.objects, folder / 'piece.npz', 0)
        piece.write()
        for points in piece.held('points'):
            assert points.ndim == 2 and points.shape[1] == 3 and len(points) and np.isfinite(points).all()


def try_content(path: Path, read: Callable[[], Any], contents: st.SearchStrategy, examples: int) -> None:
    """Give a reader so many contents of a file; the whole one is read first, so that imports are no file's memory."""
    whole = path.read_bytes()
    assert right_or_named(read, len(whole)), 'the whole one is read'
    outcomes = []
    try_all(contents, examples, lambda content: outcomes.append(right_or_named(read, put(path, content))))
    path.write_bytes(whole)
    assert False in outcomes


@pytest.mark.parametrize('examples', LENGTHS)
@pytest.mark.parametrize(('name', 'whole', 'read'), [
    ('a.off', object_files.OFF.format('', 1, 2, 3).encode(), read_off), ('a.obj', OBJ, read_obj),
])  # fmt: skip
def test_meshes(tmp_path: Path, name: str, whole: bytes, read: Callable, examples: int) -> None:
    path = tmp_path / name
    path.write_bytes(whole)
    try_content(path, lambda: sample_surface(read(path), 16, np.random.default_rng(0)), broken(whole), examples)


TEXTS = {
    'modelnet40 points': ('modelnet40', 'cup/cup_0001.txt'),
    'modelnet40 names': ('modelnet40', 'modelnet40_shape_names.txt'),
    'modelnet40 list': ('modelnet40', 'modelnet40_train.txt'),
    'shapenetpart points': ('shapenetpart', '03797390/036.txt'),
    'shapenetpart classes': ('shapenetpart', 'synsetoffset2category.txt'),
    'shapenetpart list': ('shapenetpart', 'train_test_split/shuffled_train_file_list.json'),
}


@pytest.mark.filterwarnings('ignore:loadtxt. input contained no data')
@pytest.mark.parametrize('examples', LENGTHS)
@pytest.mark.parametrize('case', TEXTS)
def test_texts(tmp_path: Path, case: str, examples: int) -> None:
    download, name = TEXTS[case]
    if download == 'modelnet40':
        root = object_files.write_normal_resampled(tmp_path / download)
        find = find_modelnet40
    else:
        root = object_files.write_shapenetpart(tmp_path / download)
        find = find_shapenetpart
    path = root / name
    read = lambda: read_all(find(root, allow_partial=True), tmp_path)  # noqa: E731
    try_content(path, read, broken(path.read_bytes()), examples)


@pytest.mark.filterwarnings('ignore:loadtxt. input contained no data')
@pytest.mark.parametrize('examples', LENGTHS)
@pytest.mark.parametrize('packed', [True, False])
def test_object_folders(tmp_path: Path, packed: bool, examples: int) -> None:
    text = io.StringIO()
    np.savetxt(text, np.random.default_rng(0).random((40, 3)) * 9 + 400_000, '%.3f')
    plain = text.getvalue().encode()
    for number in range(6):
        path = tmp_path / f'car/{number}.xyz.gz'
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(gzip.compress(plain, mtime=0))
    first = tmp_path / 'car/0.xyz.gz'
    contents = broken(first.read_bytes()) if packed else broken(plain).map(lambda found: gzip.compress(found, mtime=0))
    try_content(first, lambda: read_all(find_object_folder(tmp_path), tmp_path), contents, examples)


@pytest.mark.parametrize('examples', LENGTHS)
def test_scanobjectnn(tmp_path: Path, capsys: pytest.CaptureFixture, examples: int) -> None:
    root = object_files.write_scanobjectnn(tmp_path / 'raw', points=8)
    for name in ('main_split_nobg', 'main_split'):
        for path in (root / name).glob('*.h5'):
            if name == 'main_split' and 'augmented' not in path.name:
                path.unlink()
    path = root / 'main_split_nobg/training_objectdataset.h5'
    try_content(path, lambda: prepare_scanobjectnn(root, tmp_path / 'out'), broken(path.read_bytes()), examples)


def test_a_file_that_announces_more_than_it_can_hold(tmp_path: Path) -> None:
    root = object_files.write_scanobjectnn(tmp_path / 'raw', points=8)
    path = root / 'main_split/training_objectdataset.h5'
    with h5py.File(path, 'w') as file:
        file.create_dataset('data', (10**6, 2048, 3), np.float32)  # nothing is written, and 24 GB would be read
        file['label'] = np.zeros(10**6, np.uint8)
    with pytest.raises(InputError, match=r'training_objectdataset\.h5: .*1000000, 2048, 3.* the file cannot hold'):
        prepare_scanobjectnn(root, tmp_path / 'out')


@pytest.mark.parametrize('examples', LENGTHS)
@pytest.mark.parametrize('kind', ['bytes', 'content'])
def test_few_shot(tmp_path: Path, kind: str, examples: int) -> None:
    root = object_files.write_few_shot(tmp_path / 'raw')
    path = root / '5way_10shot/0.pkl'
    draw = pickle.loads(path.read_bytes())
    contents = broken(path.read_bytes()) if kind == 'bytes' else altered(draw).map(pickle.dumps)
    try_content(path, lambda: prepare_few_shot(root, tmp_path / 'out'), contents, examples)


def box_database(root: Path) -> Path:
    """Two boxes of two classes, 40 points each."""
    (root / 'gt').mkdir(parents=True)
    entries = {}
    for label, name in enumerate(('car', 'cone')):
        points = np.random.default_rng(label).uniform(-0.4, 0.4, (40, 5)).astype('f4')
        points[:, 2] += 0.5
        points.tofile(root / f'gt/{name}.bin')
        box = np.array([10, 5, -1, 1, 1, 1, 0.3, 0, 0], 'f4')
        entries[name] = [dict(name=name, path=f'gt/{name}.bin', box3d_lidar=box, num_points_in_gt=40, difficulty=0)]
    path = root / 'dbinfos_train.pkl'
    path.write_bytes(pickle.dumps(entries))
    return path


@pytest.mark.filterwarnings('ignore:(invalid value|overflow) encountered')
@pytest.mark.parametrize('examples', LENGTHS)
@pytest.mark.parametrize('kind', ['bytes', 'content', 'points'])
def test_box_databases(tmp_path: Path, kind: str, examples: int) -> None:
    path = box_database(tmp_path)
    entries = pickle.loads(path.read_bytes())
    damaged = tmp_path / 'gt/car.bin' if kind == 'points' else path
    contents = altered(entries).map(pickle.dumps) if kind == 'content' else broken(damaged.read_bytes())
    read = lambda: read_all([find_box_database(path, allow_partial=True)], tmp_path)  # noqa: E731
    try_content(damaged, read, contents, examples)


@pytest.mark.parametrize('examples', LENGTHS)
@pytest.mark.parametrize('kind', ['text', 'content', 'points', 'parts'])
def test_prepared_sets(tmp_path: Path, kind: str, examples: int) -> None:
    clouds = [np.random.default_rng(number).random((9, 3)).astype('f4') for number in range(4)]
    parts = [np.arange(9) % 2 + 2 * (number % 2) for number in range(4)]
    known = {'cup': [0, 1], 'bed': [2, 3]}
    names = [f'object_{number}' for number in range(4)]
    write_object_set(tmp_path, 'train', clouds, [0, 1, 0, 1], list(known), names, parts, known, {'format': 'objects'})
    path = tmp_path / {'points': 'train_points.bin', 'parts': 'train_parts.bin'}.get(kind, 'train.json')

    def read() -> None:
        found = ObjectSet.open(tmp_path, 'train')
        for index in range(len(found)):
            assert np.isfinite(found.cloud(index)).all() and found.labels[index] < len(found.classes)
            if found.part_numbers is not None:
                found.parts(index)

    contents = broken(path.read_bytes())
    if kind == 'content':
        contents = altered(json.loads(path.read_text())).map(lambda told: json.dumps(told).encode())
    try_content(path, read, contents, examples)
