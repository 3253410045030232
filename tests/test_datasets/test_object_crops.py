"""Objects out of sweeps: in the frame of their box, with and without what lies around it."""

import sys
from pathlib import Path

import numpy as np
import pytest
from numpy.testing import assert_allclose

from dos_mm3d.cli import create_data
from dos_mm3d.datasets.info_pickle import load_plain_pickle
from dos_mm3d.datasets.objects import ObjectSet
from dos_mm3d.datasets.objects.crops import find_box_database, in_box, prepare_frame_crops, turned
from dos_mm3d.datasets.objects.prepare import prepare_splits
from dos_mm3d.errors import InputError, MissingFileError, OutputExistsError
from dos_mm3d.files import write_pickle

LOADING = [
    dict(type='LoadPointsFromFile', coord_type='LIDAR', load_dim=5, use_dim=5),
    dict(type='LoadPointsFromMultiSweeps', sweeps_num=10, load_dim=5, use_dim=5, pad_empty_sweeps=True),
    dict(type='GlobalRotScaleTrans', rot_range=[1, 2]),  # which must not be run
]


def test_points_are_turned_into_the_frame_of_the_box():
    assert_allclose(turned(np.array([[1.0, 0, 5]]), np.pi / 2), [[0, 1, 5]], atol=1e-12)
    box = np.array([10, 20, -1, 4, 2, 1.5, np.pi / 6])
    own = np.array(
        [(1.9, 0.9, 0.1), (-1.9, -0.9, 1.4), (2.3, 0, 0.5), (0, 1.3, 0.5), (0, 0, -0.3), (0, 0, 1.8), (9, 9, 9)]
    )
    points = np.c_[turned(own, np.pi / 6) + box[:3], np.zeros(len(own))]
    assert_allclose(in_box(points, box, 0.0), own[:2], atol=1e-9)
    assert_allclose(in_box(points, box, 0.4), own[:6], atol=1e-9)


@pytest.fixture
def database(tmp_path) -> Path:
    """Two cars of 40 and 8 points and a cone, of 4 columns."""
    entries = {'car': [], 'cone': [], 'bus': []}
    for number, (name, count) in enumerate((('car', 40), ('car', 8), ('cone', 50))):
        yaw = 0.5 * number
        own = np.random.default_rng(number).uniform((-2, -1, 0), (2, 1, 1.5), (count, 3))
        path = tmp_path / f'gt_database/{number}_{name}_0.bin'
        path.parent.mkdir(exist_ok=True)
        np.c_[turned(own, yaw), np.ones(count)].astype(np.float32).tofile(path)
        box = np.array([5, 6, 7, 4, 2, 1.5, yaw, 0.1, 0.2], np.float32)
        entries[name].append(dict(name=name, path=f'gt_database/{path.name}', box3d_lidar=box, num_points_in_gt=count))
    write_pickle(tmp_path / 'x_dbinfos_train.pkl', entries)
    return tmp_path / 'x_dbinfos_train.pkl'


def test_a_box_database(database, capsys):
    found = prepare_splits([find_box_database(database)], database.parent / 'out', workers=1)['train']
    assert '2 objects; 1 with fewer than 32 points' in capsys.readouterr().out
    assert found.classes == ('car', 'cone') and found.labels.tolist() == [0, 1]
    assert_allclose(found.cloud(1), np.random.default_rng(2).uniform((-2, -1, 0), (2, 1, 1.5), (50, 3)), atol=1e-6)
    with pytest.raises(InputError, match='none of its 3 objects has 99 points'):
        find_box_database(database, least_points=99)


def test_what_is_wrong_with_a_box_database_is_named(database):
    with pytest.raises(MissingFileError, match=r'none\.pkl: no such file'):
        find_box_database(database.parent / 'none.pkl')
    path = database.parent / 'gt_database/2_cone_0.bin'
    content = path.read_bytes()
    path.write_bytes(content[:-4])
    with pytest.raises(InputError, match=r'2_cone_0\.bin: has 199 numbers, wanted 50 points'):
        prepare_splits([find_box_database(database)], database.parent / 'out', workers=1)
    path.unlink()
    with pytest.raises(MissingFileError, match=r'2_cone_0\.bin: missing, the first of 1 of the 2'):
        find_box_database(database)
    write_pickle(database, {'car': [dict(path='x', num_points_in_gt=40)]})
    with pytest.raises(InputError, match='wanted a box of mmdet3d'):
        find_box_database(database)


def as_float64(path: Path) -> None:
    np.fromfile(path, np.float32).astype(np.float64).tofile(path)


def in_centimetres(path: Path) -> None:
    (np.fromfile(path, np.float32) * 100).tofile(path)


@pytest.mark.parametrize('change', [as_float64, in_centimetres])
def test_points_that_are_not_in_their_box_are_refused(database, change):
    for path in (database.parent / 'gt_database').iterdir():
        change(path)
    with pytest.raises(
        InputError, match=r'0_car_0\.bin: \d+% of its 40 points lie in their box of \(4\.0, 2\.0, 1\.5\)'
    ):
        prepare_splits([find_box_database(database)], database.parent / 'out', workers=1)


@pytest.mark.parametrize(
    ('name', 'value', 'message'),
    [
        ('num_points_in_gt', 32, r'0_car_0\.bin: \d+% of its 32 points'),  # 5 columns, not 4
        ('num_points_in_gt', 40.5, '40.5 points of .*, wanted a whole number'),
        ('num_points_in_gt', -40, '-40 points of .*, wanted a whole number'),
        ('box3d_lidar', (5, 6, 7, 4, -2, 1.5, 0), 'sizes above 0'),
        ('box3d_lidar', (5, 6, 7, 0, 0, 0, 0), 'sizes above 0'),
        ('box3d_lidar', (5, 6, 7, 4, 2, 1.5, 90), 'a yaw in radians'),
    ],
)
def test_a_wrong_number_in_a_box_database_is_named(database, name, value, message):
    entries = load_plain_pickle(database, data_set='')
    entries['car'][0][name] = np.array(value, np.float32) if isinstance(value, tuple) else value
    write_pickle(database, entries)
    with pytest.raises(InputError, match=message):
        prepare_splits([find_box_database(database)], database.parent / 'out', workers=1)


def test_a_prepared_set_is_not_replaced_by_another_set(database, tmp_path):
    """Both go to data/object_crops where nothing else is said."""
    out = tmp_path / 'out'
    kept = prepare_splits([find_box_database(database)], out, workers=1)['train'].names
    entries = load_plain_pickle(database, data_set='')
    write_pickle(database, {'Pedestrian': entries['car']})
    with pytest.raises(
        OutputExistsError, match=r'train\.json: is a split of another set: box_database .*car, cone.*--out'
    ):
        prepare_splits([find_box_database(database)], out, workers=1)
    assert ObjectSet.open(out, 'train').names == kept
    write_pickle(database, entries)
    assert len(prepare_splits([find_box_database(database, least_points=45)], out, workers=1)['train']) == 1


def test_objects_of_the_embedded_nuscenes(synthetic_nuscenes, tmp_path, monkeypatch):
    """The database and the frames tell the same of each object; the margin shows what is around."""
    info_path = synthetic_nuscenes / 'nuscenes_dbinfos_train.pkl'
    monkeypatch.setattr(
        sys, 'argv', ['x', 'object_crops', '--info-path', str(info_path), '--out-dir', str(tmp_path), '--workers', '1']
    )
    create_data.main()
    cut = ObjectSet.open(tmp_path, 'train')
    entries = [entry for group in load_plain_pickle(info_path, data_set='nuscenes').values() for entry in group]
    sizes = {Path(entry['path']).stem: entry['box3d_lidar'][3:6] for entry in entries}
    for index in range(len(cut)):  # a wrong sign of the turn leaves the box
        points, size = cut.cloud(index), sizes[cut.names[index]]
        assert (np.abs(points[:, :2]) <= size[:2] / 2 + 0.05).all() and (points[:, 2] >= -0.05).all()

    dataset = dict(
        type='NuScenesDataset',
        data_root=str(synthetic_nuscenes),
        ann_file='nuscenes_infos_train.pkl',
        data_prefix=dict(pts='samples/LIDAR_TOP', sweeps='sweeps/LIDAR_TOP', img=''),
        pipeline=LOADING,
        test_mode=True,
    )
    bare = prepare_frame_crops(dataset, tmp_path / 'bare', 'train', margin_m=0.0, workers=1)
    wide = prepare_frame_crops(dict(type='CBGSDataset', dataset=dataset), tmp_path / 'wide', 'train', margin_m=1.0)
    names = np.array(bare.classes)
    of_bare = sorted((names[label], np.diff(bare.offsets)[i]) for i, label in enumerate(bare.labels))
    of_cut = sorted((cut.classes[label], np.diff(cut.offsets)[i]) for i, label in enumerate(cut.labels))
    assert len(of_bare) == len(of_cut) and [one[0] for one in of_bare] == [one[0] for one in of_cut]
    assert sum(abs(a[1] - b[1]) for a, b in zip(of_bare, of_cut)) <= 0.01 * len(cut.points)
    assert len(wide) >= len(bare) and len(wide.points) > 1.3 * len(bare.points)


@pytest.mark.parametrize(
    ('content', 'message'),
    [
        ('train_dataloader = dict(dataset=DATASET)', r'own\.py: has no val_dataloader and no test_dataloader'),
        (
            'train_dataloader = dict(dataset=DATASET)\n'
            "val_dataloader = dict(dataset={**DATASET, 'ann_file': 'no.pkl'})",
            r'no\.pkl: no such info file',
        ),
    ],
)
def test_what_is_wrong_with_the_second_split_is_named_before_the_first_is_cut(
    synthetic_nuscenes, tmp_path, monkeypatch, content, message
):
    prefix = dict(pts='samples/LIDAR_TOP', sweeps='sweeps/LIDAR_TOP', img='')
    dataset = dict(type='NuScenesDataset', data_root=str(synthetic_nuscenes), ann_file='nuscenes_infos_train.pkl')
    (tmp_path / 'own.py').write_text(f'DATASET = {dict(**dataset, data_prefix=prefix, pipeline=LOADING)}\n{content}\n')
    arguments = ['--config', tmp_path / 'own.py', '--out-dir', tmp_path / 'out', '--workers', 1]
    monkeypatch.setattr(sys, 'argv', ['x', 'object_crops', *map(str, arguments)])
    with pytest.raises((InputError, MissingFileError), match=message):
        create_data.main()
    assert not (tmp_path / 'out').exists()
