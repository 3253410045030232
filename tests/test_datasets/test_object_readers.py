"""Downloads of objects -> prepared sets: written by hand as described, and genuine samples where they are."""

import json
import re
import shutil
import sys
from pathlib import Path

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from dos_mm3d.cli import create_data
from dos_mm3d.datasets.converting import LOCK
from dos_mm3d.datasets.objects import ObjectSet, prepare, splits_in
from dos_mm3d.datasets.objects.crops import find_object_folder
from dos_mm3d.datasets.objects.modelnet40 import find_modelnet40
from dos_mm3d.datasets.objects.prepare import prepare_splits
from dos_mm3d.datasets.objects.scanobjectnn import prepare_scanobjectnn
from dos_mm3d.datasets.objects.shapenet import find_shapenet, find_shapenetpart
from dos_mm3d.errors import InputError, MissingFileError, OutputExistsError
from tests.helpers import object_files as files

SHARED = Path(__file__).resolve().parents[3] / 'shared/data'
genuine = pytest.mark.skipif(not (SHARED / 'objects').is_dir(), reason='no genuine samples beside the repository')


def prepared(splits, out: Path, **settings) -> dict[str, ObjectSet]:
    return prepare_splits(splits, out, workers=1, **settings)


def test_meshes_of_modelnet40(tmp_path):
    root = files.write_modelnet40(tmp_path / 'raw')
    sets = prepared(find_modelnet40(root, points=500), tmp_path)
    assert {name: len(found) for name, found in sets.items()} == dict(train=6, test=4)
    assert sets['test'].names[0] == 'bed_0004' and sets['train'].classes == ('bed', 'night_stand')
    assert sets['train'].labels.tolist() == [0, 0, 0, 1, 1, 1]
    heights = [sets['train'].cloud(i)[:, 2].max() for i in (0, 5)]  # z is up, as in the file
    assert 2.7 < heights[0] <= 3 and 3.6 < heights[1] <= 4 and sets['train'].cloud(0).shape == (500, 3)
    assert sets['train'].source['points'] == 500 and len(sets['train'].source['sha256']) == 64


def test_an_object_has_its_points_whatever_others_there_are(tmp_path):
    root = files.write_modelnet40(tmp_path / 'raw')
    whole = prepared(find_modelnet40(root, points=50), tmp_path / 'whole')['train']
    (root / 'bed/train/bed_0001.off').unlink()
    part = prepared(find_modelnet40(root, points=50, allow_partial=True), tmp_path / 'part')['train']
    other = prepared(find_modelnet40(root, points=50, allow_partial=True), tmp_path / 'other', seed=1)['train']
    row = part.names.index('bed_0003')
    assert_array_equal(part.cloud(row), whole.cloud(whole.names.index('bed_0003')))
    assert not np.array_equal(part.cloud(row), other.cloud(row))


def test_a_stopped_preparation_goes_on_and_a_finished_one_is_kept(tmp_path, monkeypatch, capsys):
    root = files.write_modelnet40(tmp_path / 'raw')
    whole = prepared(find_modelnet40(root, points=50), tmp_path / 'whole')
    monkeypatch.setattr(prepare, 'PIECE', 2)
    read, seen = create_data.find_modelnet40.__globals__['read_off'], []

    def read_or_stop(path):
        if len(seen) == 5:
            raise KeyboardInterrupt
        seen.append(path)
        return read(path)

    monkeypatch.setitem(find_modelnet40.__globals__, 'read_off', read_or_stop)
    with pytest.raises(KeyboardInterrupt):
        prepared(find_modelnet40(root, points=50), tmp_path / 'parts')
    assert not splits_in(tmp_path / 'parts')
    monkeypatch.setitem(find_modelnet40.__globals__, 'read_off', read)
    capsys.readouterr()
    parts = prepared(find_modelnet40(root, points=50), tmp_path / 'parts')
    assert '2 of 5 pieces were read before' in capsys.readouterr().out
    for split, found in whole.items():
        assert parts[split].names == found.names and parts[split].source == found.source
        assert_array_equal(parts[split].points, found.points)
    assert sorted(path.name for path in (tmp_path / 'parts').iterdir()) == [
        LOCK, 'test.json', 'test_points.bin', 'train.json', 'train_points.bin'
    ]  # fmt: skip
    monkeypatch.setitem(find_modelnet40.__globals__, 'read_off', None)  # nothing is read again
    prepared(find_modelnet40(root, points=50), tmp_path / 'parts')
    assert capsys.readouterr().out.count('was prepared before, and is kept') == 2
    monkeypatch.setitem(find_modelnet40.__globals__, 'read_off', read)
    (root / 'bed/train/bed_0001.off').write_text(files.OFF.format('', 9, 9, 9))
    assert prepared(find_modelnet40(root, points=50), tmp_path / 'parts')['train'].cloud(0).max() > 4


def test_what_is_missing_from_modelnet40_is_named(tmp_path):
    root = files.write_modelnet40(tmp_path / 'ModelNet40')
    with pytest.raises(MissingFileError, match=r'it is in .*ModelNet40: give that'):
        find_modelnet40(tmp_path)
    with pytest.raises(MissingFileError, match='no such folder'):
        find_modelnet40(tmp_path / 'none')
    (root / 'bed/train/bed_0002.off').unlink()
    with pytest.raises(MissingFileError, match=r'bed_0002\.off: missing, the first of 1 of the 5 objects.*--allow'):
        find_modelnet40(root)
    (root / 'bed/train/chair.off').write_text('')
    with pytest.raises(InputError, match=r'chair\.off: wanted a name as bed_0001'):
        find_modelnet40(root)


def test_a_class_of_modelnet40_without_a_test_object_is_named(tmp_path):
    """Numbers without a hole do not show it: those of test follow those of train."""
    root = files.write_modelnet40(tmp_path / 'raw')
    (root / '__MACOSX/train').mkdir(parents=True)  # is no class
    shutil.rmtree(root / 'bed/test')
    with pytest.raises(MissingFileError, match=r'bed/test: holds no \.off file, the first of 1 of 2 classes.*--allow'):
        find_modelnet40(root)
    assert find_modelnet40(root, allow_partial=True)[1].classes == ('bed', 'night_stand')


def test_points_of_modelnet40_are_turned_and_their_first_rows_are_kept(tmp_path):
    root = files.write_normal_resampled(tmp_path / 'raw')
    sets = prepared(find_modelnet40(root, points=8), tmp_path)
    assert sets['train'].names == ('cup_0001', 'cup_0002') and sets['test'].classes == ('cup', 'tv_stand')
    raw = np.loadtxt(root / 'cup/cup_0001.txt', delimiter=',')
    assert_allclose(sets['train'].cloud(0), raw[:8, [2, 0, 1]], atol=1e-6)
    (root / 'cup/cup_0002.txt').unlink()
    with pytest.raises(MissingFileError, match=r'cup_0002\.txt: missing, the first of 1 of the 2 objects'):
        find_modelnet40(root)


def test_shapenet_as_meshes_of_both_versions_and_as_points(tmp_path):
    square = 'v 0 0 0\nv 1 0 0\nv 1 7 0\nv 0 7 0\nf 1/1/1 2/2/2 3/3/3 4/4/4\n'
    for place in ('02691156/a1/models/model_normalized.obj', '03001627/b2/model.obj'):
        path = tmp_path / 'raw' / place
        path.parent.mkdir(parents=True)
        path.write_text(square)
    (tmp_path / 'raw/taxonomy.json').write_text(json.dumps([dict(synsetId='02691156', name='airplane,plane')]))
    found = prepared(find_shapenet(tmp_path / 'raw', points=200), tmp_path / 'meshes')['train']
    assert found.names == ('02691156-a1', '03001627-b2') and found.classes == ('02691156 airplane', '03001627')
    assert 6 < found.cloud(0)[:, 2].max() <= 7 and not found.cloud(0)[:, 0].any()

    (tmp_path / 'points').mkdir()
    for name in ('02691156-a', '02691156-b', '03001627-c'):
        np.save(tmp_path / f'points/{name}.npy', np.random.default_rng(0).random((40, 3)) * (1, 9, 1))
    (tmp_path / 'train.txt').write_text('02691156-a.npy\n03001627-c.npy\n')
    (tmp_path / 'test.txt').write_text('02691156-b.npy\n')
    sets = prepared(find_shapenet(tmp_path / 'points', lists=tmp_path), tmp_path / 'out')
    assert sets['test'].names == ('02691156-b',) and len(sets['train']) == 2
    assert sets['train'].cloud(0)[:, 2].max() > 8 and sets['train'].cloud(0).shape == (40, 3)
    with (tmp_path / 'test.txt').open('a') as file:
        file.write('02691156-absent.npy\n')
    with pytest.raises(MissingFileError, match=r'02691156-absent\.npy: missing, the first of 1 of the 2'):
        find_shapenet(tmp_path / 'points', lists=tmp_path)


def shapenet_points(root: Path) -> Path:
    root.mkdir()
    for number in range(3):
        np.save(root / f'02691156-{number}.npy', np.random.default_rng(number).random((20, 3), np.float32))
    (root / 'lists').mkdir()
    (root / 'lists/train.txt').write_text('02691156-0.npy 02691156-1.npy')
    (root / 'lists/test.txt').write_text('02691156-2.npy')
    return root


def save_archive(path: Path) -> None:
    with path.open('wb') as file:
        np.savez(file, a=np.zeros((3, 3)))


NO_DATA = (
    b"\x93NUMPY\x01\x00v\x00{'descr': '<f4', 'fortran_order': False, 'shape': (300000000000, 3), }".ljust(127) + b'\n'
)


def write_square(path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text('v 0 0 0\nv 1 0 0\nv 1 7 0\nf 1 2 3\n')


def test_a_model_of_two_meshes_is_refused_and_one_of_none_is_said(tmp_path, capsys):
    for place in ('02691156/a/models/model.obj', '02691156/b/model.obj', '02691156/c/screenshot/0.png'):
        write_square(tmp_path / place)
    assert len(find_shapenet(tmp_path)[0].objects) == 2
    assert re.search(r'1 of 3 models have no .obj file, first .*02691156/c', capsys.readouterr().out)
    write_square(tmp_path / '02691156/a/models/model_watertight.obj')
    with pytest.raises(InputError, match=r'model_watertight\.obj: is beside .*models/model\.obj, wanted one'):
        find_shapenet(tmp_path)


def test_more_points_than_a_file_has_are_refused(tmp_path):
    root = files.write_normal_resampled(tmp_path / 'raw')
    with pytest.raises(InputError, match=r'cup_0001\.txt: has \d+ points, wanted 9999 \(--points\)'):
        prepared(find_modelnet40(root, points=9999), tmp_path / 'out')
    with pytest.raises(InputError, match=r'02691156-0\.npy: has \d+ points, wanted 9999 \(--points\)'):
        prepared(find_shapenet(shapenet_points(tmp_path / 'points'), points=9999), tmp_path / 'out')


ODD = {
    'cut titles': ('taxonomy.json', lambda path: path.write_text('['), 'wanted a list of synsets'),
    'other titles': ('taxonomy.json', lambda path: path.write_text('[{"a": 1}]'), 'wanted a list of synsets'),
    'no bytes': ('02691156-0.npy', lambda path: path.write_bytes(b''), 'not readable as an array'),
    'an archive': ('02691156-0.npy', save_archive, 'holds several arrays'),
    'words': ('02691156-0.npy', lambda path: np.save(path, [['a', 'b', 'c']]), 'holds <U1, wanted an array of numbers'),
    'no list': ('lists/test.txt', lambda path: path.unlink(), 'no such file'),
    'a list of bytes': ('lists/test.txt', lambda path: path.write_bytes(b'\xff\xfe'), 'is no text'),
    'points in columns': ('02691156-0.npy', lambda path: np.save(path, np.ones((3, 40))), r'wanted \(n, 3 to 12\)'),
    'one point many times': ('02691156-0.npy', lambda path: np.save(path, np.ones((40, 3))), 'they are one point'),
    'another unit': ('02691156-0.npy', lambda path: np.save(path, np.eye(3) * 1e25), 'extend over 1e.25'),
    'a header of terabytes': ('02691156-0.npy', lambda path: path.write_bytes(NO_DATA), 'not readable as an array'),
    'a mesh beside points': ('02691156/a/model.obj', write_square, 'models; wanted one of the two'),
    'a list with one twice': (
        'lists/test.txt',
        lambda path: path.write_text('02691156-2.npy ' * 2),
        'has 02691156-2 2 times',
    ),
}


@pytest.mark.parametrize('case', ODD)
def test_what_is_odd_in_shapenet_is_named(case, tmp_path):
    root = shapenet_points(tmp_path / 'raw')
    name, change, message = ODD[case]
    change(root / name)
    with pytest.raises((InputError, MissingFileError), match=rf'{Path(name).stem}.*{message}|{root}.*{message}'):
        prepared(find_shapenet(root, lists=root / 'lists'), tmp_path / 'out')
    assert not list(tmp_path.glob('out/*.json'))


def test_objects_that_are_in_two_lists_are_counted(tmp_path, capsys):
    root = shapenet_points(tmp_path / 'raw')
    (root / 'lists/test.txt').write_text('02691156-1.npy')
    prepared(find_shapenet(root, lists=root / 'lists'), tmp_path / 'out')
    assert 'WARNING: 1 objects are in train and in test, first 02691156-1\n' in capsys.readouterr().out


def test_a_users_file_of_the_name_of_a_split_is_not_replaced(tmp_path):
    root = shapenet_points(tmp_path / 'raw')
    (root / 'test.json').write_text('{"images": []}')
    with pytest.raises(OutputExistsError, match=r'test\.json: is there already'):
        prepared(find_shapenet(root, lists=root / 'lists'), root)
    assert (root / 'test.json').read_text() == '{"images": []}' and not (root / 'train.json').exists()


def test_shapenetpart(tmp_path, capsys):
    root = files.write_shapenetpart(tmp_path / 'raw')
    with pytest.raises(MissingFileError, match=r'04379243/absent\.txt: missing, the first of 1 of the 3'):
        find_shapenetpart(root)
    sets = prepared(find_shapenetpart(root, allow_partial=True), tmp_path)
    assert '1 of 3 objects are not there, and are left out' in capsys.readouterr().out
    assert {name: len(found) for name, found in sets.items()} == dict(train=2, val=2, test=2)
    found = sets['val']
    assert found.parts_of_class == dict(Mug=(36, 37), Table=(47, 48, 49))
    assert found.parts(1).tolist() == [47, 48] * 15 and found.cloud(1)[:, 2].max() > 8


def test_parts_of_classes_of_ones_own_are_those_that_are_found_in_all_splits(tmp_path):
    root = files.write_shapenetpart(tmp_path / 'raw')
    (root / 'synsetoffset2category.txt').write_text('mug of mine\t03797390\nboard\t04379243\n'.replace(' of mine', '2'))
    path = root / '04379243/247.txt'  # of test: a part that no other split has
    path.write_text(path.read_text().replace('48.000000', '55.000000'))
    sets = prepared(find_shapenetpart(root, allow_partial=True), tmp_path)
    assert sets['train'].parts_of_class == sets['test'].parts_of_class == dict(mug2=(36, 37), board=(47, 48, 55))


@pytest.mark.parametrize('part', ['47.5', 'nan', '1e9', '-1'])
def test_a_last_column_that_has_no_parts_is_named(tmp_path, part):
    root = files.write_shapenetpart(tmp_path / 'raw')
    path = root / '04379243/247.txt'
    path.write_text(path.read_text().replace('48.000000', part))
    with pytest.raises(InputError, match=r'247\.txt: the last of its 7 columns'):
        prepared(find_shapenetpart(root, allow_partial=True), tmp_path / 'out')


@pytest.mark.parametrize(
    ('name', 'content', 'message'),
    [
        ('synsetoffset2category.txt', b'Mug 03797390\nTable 03797390\n', 'a name and a synset, each once'),
        ('synsetoffset2category.txt', b'Mug 03797390\nMug 04379243\n', 'a name and a synset, each once'),
        ('synsetoffset2category.txt', b'\xff\xfe', 'is no text'),
        ('train_test_split/shuffled_train_file_list.json', b'5', 'wanted a list of objects'),
        ('train_test_split/shuffled_train_file_list.json', b'null', 'wanted a list of objects'),
    ],
)
def test_lists_of_shapenetpart_that_are_none_are_named(tmp_path, name, content, message):
    root = files.write_shapenetpart(tmp_path / 'raw')
    (root / name).write_bytes(content)
    with pytest.raises(InputError, match=f'{name}.*{message}'):
        find_shapenetpart(root, allow_partial=True)


def test_a_class_of_two_words_is_one(tmp_path):
    root = files.write_scanobjectnn(tmp_path / 'raw')
    (root / 'shape_names_ext.txt').write_text('bag\nwaste bin\nbox\nbed\n')
    made = prepare_scanobjectnn(root, tmp_path / 'out')
    assert made['obj_bg']['train'].classes == ('bag', 'waste bin', 'box', 'bed')


def test_the_tool_prepares_and_ends_mistakes_in_one_line(tmp_path, monkeypatch, capsys):
    root = files.write_modelnet40(tmp_path / 'raw')
    command = ['create_data.py', 'modelnet40', '--root-path', str(root), '--points', '20', '--workers', '1']
    monkeypatch.setattr(sys, 'argv', command)
    create_data.main()
    assert capsys.readouterr().out.endswith(f'{root}: prepared\n') and splits_in(root) == ['test', 'train']
    crops = ['create_data.py', 'object_crops', '--root-path', str(root), '--margin', '1']
    monkeypatch.setattr(sys, 'argv', crops)
    with pytest.raises(InputError, match='--margin and --cfg-options need --config'):
        create_data.main()
    for more, message in (
        (['--least-points', '3'], '--least-points needs --info'),
        (['--allow-partial'], '--allow-partial needs'),
    ):
        monkeypatch.setattr(sys, 'argv', [*crops[:4], *more])
        with pytest.raises(InputError, match=message):
            create_data.main()
    for name in ('modelnet40', 'shapenet'):
        with pytest.raises(SystemExit, match='2'):
            create_data.make_parser().parse_args([name, '--seed', '-1'])


@genuine
def test_genuine_points_and_parts(tmp_path):
    resampled = find_modelnet40(SHARED / 'objects/modelnet40_normal_resampled', points=1024, allow_partial=True)
    sets = prepared(resampled, tmp_path / 'modelnet40')
    assert len(sets['train']) + len(sets['test']) == 10 and len(sets['train'].classes) == 40
    radii = [np.linalg.norm(found.cloud(i), axis=1).max() for found in sets.values() for i in range(len(found))]
    assert_allclose(radii, 1, atol=0.02)  # in the unit sphere
    person = next(
        found.cloud(found.names.index('person_0025')) for found in sets.values() if 'person_0025' in found.names
    )
    assert np.ptp(person[:, 2]) > np.ptp(person[:, 0])  # stands upright
    part = SHARED / 'objects/shapenetpart/shapenetcore_partanno_segmentation_benchmark_v0_normal'
    sets = prepared(find_shapenetpart(part, allow_partial=True), tmp_path / 'parts')
    assert 'val' not in sets  # its only object is not there
    found = sets['train']
    assert found.parts_of_class['Table'] == (47, 48, 49) and len(found.parts(0)) == len(found.cloud(0))
    dales = SHARED / 'real/dales_objects'
    sets = prepared(find_object_folder(dales), tmp_path / 'dales')
    assert len(sets['train']) + len(sets['test']) == 399 and len(sets['train'].classes) == 5
