"""What a conversion finds in the folder that it writes into: files in its way, and another conversion."""

import errno
import fcntl
from collections.abc import Callable

import pytest

from dos_mm3d.datasets import converting as module
from dos_mm3d.datasets.converting import LOCK, converting
from dos_mm3d.datasets.objects.modelnet40 import find_modelnet40, prepare_few_shot
from dos_mm3d.datasets.objects.prepare import prepare_splits
from dos_mm3d.datasets.objects.scanobjectnn import prepare_scanobjectnn
from dos_mm3d.datasets.waymo.gt_database import write_gt_database
from dos_mm3d.datasets.waymo.raw import convert_records
from dos_mm3d.errors import InputError, OutputExistsError
from tests.helpers import object_files
from tests.helpers.waymo_raw_files import raw_file
from tests.test_tools.test_read_only_roots import PREPARE


def of_embedded(name: str) -> Callable:
    return lambda request, tmp, out: PREPARE[name](request.getfixturevalue(f'synthetic_{name}'), out)


def database(request, tmp, out) -> None:
    root = request.getfixturevalue('synthetic_waymo')
    (out / 'waymo_infos_train.pkl').symlink_to(root / 'waymo_infos_train.pkl')
    write_gt_database(root, out_dir=out, workers=1)


def records(request, tmp, out) -> None:
    raw_file(tmp / 'raw', 'a', 1)
    convert_records(tmp / 'raw', out, workers=1)


CONVERSIONS = {
    **{name: of_embedded(name) for name in PREPARE},
    'database': database,
    'records': records,
    'modelnet40': lambda request, tmp, out: prepare_splits(
        find_modelnet40(object_files.write_modelnet40(tmp / 'raw')), out, workers=1
    ),
    'few_shot': lambda request, tmp, out: prepare_few_shot(object_files.write_few_shot(tmp / 'raw'), out),
    'scanobjectnn': lambda request, tmp, out: prepare_scanobjectnn(object_files.write_scanobjectnn(tmp / 'raw'), out),
}


@pytest.mark.parametrize(
    ('name', 'folder'),
    [
        ('nuscenes', 'nuscenes_gt_database'),
        ('kitti', 'kitti_gt_database'),
        ('kitti', 'training/velodyne_reduced'),
        ('kitti', 'testing'),
        *(('scannet', folder) for folder in ('points', 'instance_mask', 'seg_info', 'prepared')),
        ('database', 'waymo_gt_database/parts'),
        ('records', 'training'),
        ('records', 'testing/velodyne'),
        ('modelnet40', '.test_pieces'),
        ('few_shot', '5way_10shot'),
        ('scanobjectnn', 'pb_t50_rs'),
    ],
)
def test_a_file_of_the_user_where_a_folder_is_to_be_is_named_and_stays(name, folder, request, tmp_path):
    path = tmp_path / 'out' / folder
    path.parent.mkdir(parents=True)
    path.write_text('of the user')
    with pytest.raises(OutputExistsError, match=rf'{path}: is a file, and the conversion makes a folder .* name anoth'):
        CONVERSIONS[name](request, tmp_path, tmp_path / 'out')
    assert path.read_text() == 'of the user'


@pytest.mark.parametrize(
    ('name', 'file'),
    [
        ('nuscenes', 'nuscenes_infos_val.pkl'),
        ('kitti', 'kitti_dbinfos_train.pkl'),
        ('semantickitti', 'semantickitti_infos_trainval.pkl'),
        ('scannet', 'scannet_infos_train.pkl'),
        ('waymo', 'waymo_infos_val.pkl'),
        ('database', 'waymo_dbinfos_train.pkl'),
        ('records', 'segments.json'),
        ('modelnet40', 'test_points.bin'),
    ],
)
def test_a_folder_where_a_file_is_to_be_is_named(name, file, request, tmp_path):
    (tmp_path / 'out' / file / 'within').mkdir(parents=True)
    with pytest.raises(OutputExistsError, match=rf'{file}: is a folder, and the conversion makes a file'):
        CONVERSIONS[name](request, tmp_path, tmp_path / 'out')
    assert (tmp_path / 'out' / file / 'within').is_dir()


@pytest.mark.parametrize('name', CONVERSIONS)
def test_of_two_conversions_into_one_folder_the_second_is_refused(name, request, tmp_path):
    out = tmp_path / 'out'
    out.mkdir()
    with converting(out):
        before = set(out.iterdir())
        with pytest.raises(InputError, match=rf'{out}: another conversion is writing here'):
            CONVERSIONS[name](request, tmp_path, out)
        assert {path.name for path in set(out.iterdir()) - before} <= {'waymo_infos_train.pkl'}


def test_a_file_system_without_locks_is_said(tmp_path, monkeypatch, capsys):
    def none(*_: object) -> None:
        raise OSError(errno.ENOLCK, 'No locks available')

    monkeypatch.setattr(module.fcntl, 'flock', none)
    with converting(tmp_path / 'out'):
        pass
    assert 'no locks in this file system (No locks available); start no second conversion' in capsys.readouterr().out


def test_the_next_takes_the_lock_that_is_left(tmp_path):
    for _ in range(2):
        with converting(tmp_path), (tmp_path / LOCK).open() as file, pytest.raises(BlockingIOError):
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
