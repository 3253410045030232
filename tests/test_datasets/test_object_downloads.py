"""Downloads of objects that are a few files: ScanObjectNN, few-shot draws, and folders of single objects."""

import gzip
import pickle
import shutil
from pathlib import Path

import h5py
import numpy as np
import pytest
from numpy.testing import assert_allclose

from dos_mm3d.datasets.info_pickle import load_plain_pickle
from dos_mm3d.datasets.objects import ObjectSet
from dos_mm3d.datasets.objects.crops import find_object_folder
from dos_mm3d.datasets.objects.modelnet40 import prepare_few_shot
from dos_mm3d.datasets.objects.prepare import prepare_splits
from dos_mm3d.datasets.objects.scanobjectnn import CLASSES, prepare_scanobjectnn
from dos_mm3d.errors import InputError, MissingFileError
from tests.helpers import object_files as files


def prepared(splits, out: Path, **settings) -> dict[str, ObjectSet]:
    return prepare_splits(splits, out, workers=1, **settings)


def test_all_variants_of_scanobjectnn(tmp_path, capsys):
    root = files.write_scanobjectnn(tmp_path / 'raw')
    made = prepare_scanobjectnn(root, tmp_path)
    assert list(made) == ['obj_only', 'obj_bg', 'pb_t50_rs']
    found = ObjectSet.open(tmp_path / 'pb_t50_rs', 'test')
    with h5py.File(root / 'main_split/test_objectdataset_augmentedrot_scale75.h5') as file:
        raw = file['data'][1]
    assert_allclose(found.cloud(1), raw[:, [2, 0, 1]])
    assert found.cloud(1)[:, 2].max() > 8 and found.classes == CLASSES and found.labels.tolist() == [0, 1, 2]
    shutil.rmtree(root / 'main_split_nobg')
    assert list(prepare_scanobjectnn(root, tmp_path)) == ['obj_bg', 'pb_t50_rs']
    assert 'obj_only' in capsys.readouterr().out
    (root / 'main_split/test_objectdataset.h5').unlink()
    with pytest.raises(MissingFileError, match=r'main_split/test_objectdataset\.h5: missing, its other half'):
        prepare_scanobjectnn(root, tmp_path)
    (root / 'main_split/test_objectdataset.h5').write_bytes(b'x' * 100)
    with pytest.raises(InputError, match=r'test_objectdataset\.h5: not readable as an HDF5 file'):
        prepare_scanobjectnn(root, tmp_path)


def spoil(path, **changes):
    with h5py.File(path, 'r+') as file:
        for name, change in changes.items():
            file[name][...] = change(file[name][...])


@pytest.mark.parametrize(
    ('change', 'message'),
    [
        (lambda path: path.write_bytes(path.read_bytes()[:-3000]), 'not readable as an HDF5 file'),
        (
            lambda path: spoil(path, label=lambda labels: labels % 3 + 13),
            'has 3 labels, 13 to 15; wanted 0 to 14, of 15 classes',
        ),
        (lambda path: spoil(path, data=lambda data: data * np.inf), 'coordinates that are not finite'),
    ],
)
def test_a_damaged_last_file_of_scanobjectnn_is_named_before_the_first_set_is_written(tmp_path, change, message):
    root = files.write_scanobjectnn(tmp_path / 'raw')
    path = root / 'main_split/test_objectdataset_augmentedrot_scale75.h5'
    change(path)
    with pytest.raises(InputError, match=rf'{path}: .*{message}'):
        prepare_scanobjectnn(root, tmp_path / 'out')
    assert not list((tmp_path / 'out').rglob('*.json'))


class Evil:
    def __reduce__(self):
        return print, ('executed',)


def test_few_shot_draws_run_nothing(tmp_path, capsys):
    root = files.write_few_shot(tmp_path / 'raw')
    assert prepare_few_shot(root, tmp_path) == [tmp_path / '5way_10shot/0']
    found = ObjectSet.open(tmp_path / '5way_10shot/0', 'train')
    assert found.labels.tolist() == np.repeat(range(5), 10).tolist() and found.cloud(0)[:, 2].max() > 7
    assert len(ObjectSet.open(tmp_path / '5way_10shot/0', 'test')) == 2
    path = root / '5way_10shot/0.pkl'
    path.write_bytes(pickle.dumps(dict(train=[Evil()], test=[])))
    with pytest.raises(InputError, match=r'refers to builtins\.print'):
        prepare_few_shot(root, tmp_path)
    assert 'executed' not in capsys.readouterr().out
    path.write_bytes(pickle.dumps(dict(train=[])))
    with pytest.raises(InputError, match=r'0\.pkl: wanted lists train and test'):
        prepare_few_shot(root, tmp_path)


@pytest.mark.parametrize(
    'item',
    [
        (np.ones((4, 6)), 5),
        (np.ones((4, 6)), 0.5),
        (np.ones((4, 6)), None),
        (np.ones((4, 2)), 0),
        (np.ones((0, 6)), 0),
        (np.full((4, 6), np.nan), 0),
        (np.full((4, 6), 'x'), 0),
        (np.ones(6), 0),
        7,
    ],
)
def test_a_damaged_last_draw_is_named_before_the_first_set_is_written(tmp_path, item):
    root = files.write_few_shot(tmp_path / 'raw')
    draw = load_plain_pickle(root / '5way_10shot/0.pkl', data_set='')
    path = root / '5way_10shot/1.pkl'
    path.write_bytes(pickle.dumps({**draw, 'test': [*draw['test'], item]}))
    with pytest.raises(InputError, match=rf'{path}: wanted lists train and test of .*label from 0 to 4'):
        prepare_few_shot(root, tmp_path / 'out')
    assert not list((tmp_path / 'out').rglob('*.json'))


def test_a_draw_of_other_shots_than_its_folder_says_is_named(tmp_path):
    root = files.write_few_shot(tmp_path / 'raw')
    (root / '5way_10shot').rename(root / '5way_20shot')
    with pytest.raises(InputError, match=r'0\.pkl: train has \[10, 10, 10, 10, 10\] objects .*, wanted 20 of each'):
        prepare_few_shot(root, tmp_path / 'out')


ROWS = '500000.25 4000000 31\n500001.25 4000002 33.5\n'


def packed(text: str, size: int | None = None) -> bytes:
    return gzip.compress(text.encode(), mtime=0)[:size]  # no time: it is in the name of a test


@pytest.mark.parametrize(
    ('name', 'content', 'message'),
    [
        ('a.xyz.gz', packed(ROWS * 9, 40), r'a\.xyz\.gz: not readable as numbers'),
        ('a.xyz.gz', ROWS.encode(), r'a\.xyz\.gz: not readable as numbers'),
        ('a.xyz', b'', r'a\.xyz: has \(0, 1\) numbers'),
        ('a.xyz', (ROWS + 'nan 0 0\n').encode(), r'a\.xyz: 1 of its 3 points are not finite'),
        ('a.xyz', (ROWS + '0 0 0\n' * 3).encode(), r'a\.xyz: 3 of its 5 points are \(0, 0, 0\)'),
        ('b.xyz.gz', packed(ROWS), r'has car/b 2 times, of .*b\.xyz, .*b\.xyz\.gz; wanted each'),
    ],
)
def test_what_is_odd_in_a_folder_of_objects_is_named(tmp_path, name, content, message):
    folder = tmp_path / 'raw/car'
    folder.mkdir(parents=True)
    (folder / 'b.xyz').write_text(ROWS)
    (folder / name).write_bytes(content)
    with pytest.raises(InputError, match=message):
        prepared(find_object_folder(tmp_path / 'raw'), tmp_path / 'out')


def test_names_with_dots_and_files_of_systems(tmp_path):
    for place in ('car/5080.1.xyz', 'car/5080.2.xyz', 'car/._5080.1.xyz', 'car/5080.1.xyz.bak', '.old/1.xyz'):
        (tmp_path / place).parent.mkdir(exist_ok=True)
        (tmp_path / place).write_text(ROWS)
    (train,) = find_object_folder(tmp_path)
    assert [one.name for one in train.objects] == ['car/5080.1', 'car/5080.2'] and train.classes == ('car',)


def test_a_folder_of_single_objects(tmp_path):
    for name in ('car', 'pole'):
        for number in range(5):
            path = tmp_path / f'raw/{name}/{number:03d}.xyz.gz'
            path.parent.mkdir(parents=True, exist_ok=True)
            with gzip.open(path, 'wt') as file:
                file.write('500000.25 4000000 31\n500001.25 4000002 33.5\n')
    sets = prepared(find_object_folder(tmp_path / 'raw'), tmp_path)
    assert sets['test'].names == ('car/004', 'pole/004') and len(sets['train']) == 8
    assert sets['train'].cloud(0).tolist() == [[-0.5, -1, 0], [0.5, 1, 2.5]]
