"""What mmdet3d's converter or the devkit would stumble over is named before either begins."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from nuscenes.utils import splits

from dos_mm3d.datasets.nuscenes.check import TABLES, check_nuscenes
from dos_mm3d.datasets.nuscenes.convert import _publish, prepare_nuscenes
from dos_mm3d.errors import InputError, MissingFileError, UserError

VERSION = 'v1.0-trainval'


@pytest.fixture
def root(synthetic_nuscenes: Path, tmp_path: Path) -> Path:
    """The miniature with tables and folders of its own, files by links."""
    copy = tmp_path / 'nuscenes'
    shutil.copytree(synthetic_nuscenes / VERSION, copy / VERSION)
    for name in ('samples', 'sweeps', 'maps', 'lidarseg'):
        shutil.copytree(synthetic_nuscenes / name, copy / name, copy_function=lambda a, b: Path(b).symlink_to(a))
    return copy


def edit(root: Path, table: str, change: Callable[[list[dict]], Any]) -> None:
    """Change a table's records in place, or into what the function gives."""
    path = root / VERSION / f'{table}.json'
    records = json.loads(path.read_text())
    path.write_text(json.dumps(change(records) or records))


def rename_scenes(records: list[dict], names: list[str]) -> None:
    for record, name in zip(records, names):
        record['name'] = name


def test_a_whole_data_set_passes(root: Path) -> None:
    check_nuscenes(root, VERSION, 10)


@pytest.mark.parametrize('table', [*TABLES, 'lidarseg'])
@pytest.mark.parametrize('damage', ['cut', 'text', 'number', 'tokens'])
def test_broken_tables_are_named(root: Path, table: str, damage: str) -> None:
    path = root / VERSION / f'{table}.json'
    text = path.read_text()
    path.write_text(
        {'cut': text[:-2], 'text': '{"a": 1}', 'number': '[1]', 'tokens': text.replace('"token"', '"x"')}[damage]
    )
    if text.strip() == '[]' and damage == 'tokens':
        return
    with pytest.raises(InputError, match=rf'{table}\.json'):
        check_nuscenes(root, VERSION, 10)


@pytest.mark.parametrize('table', TABLES)
def test_missing_tables_are_named(root: Path, table: str) -> None:
    (root / VERSION / f'{table}.json').unlink()
    with pytest.raises(MissingFileError, match=rf'missing .*{table}\.json'):
        check_nuscenes(root, VERSION, 10)


CONTRADICTIONS = {
    'sample': ('sample', lambda rows: rows[0].update(scene_token='gone'), 'scene_token'),
    'sample_data': ('sample_data', lambda rows: rows[0].update(ego_pose_token='gone'), 'ego_pose_token'),
    'loop to nowhere': ('sample_data', lambda rows: rows[0].update(prev='gone'), 'prev'),
    'sensors': (
        'sample_data',
        lambda rows: rows[:-1] and [r for r in rows if 'CAM_BACK/' not in r['filename']],
        'CAM_BACK',
    ),
    'pose': ('ego_pose', lambda rows: rows[0].update(rotation=[0, 0, 0, 0]), 'length 1'),
    'calibration': ('calibrated_sensor', lambda rows: rows[0].update(translation=[1, 2]), '3 finite numbers'),
    'not a number': ('calibrated_sensor', lambda rows: rows[0].update(translation=[1, 2, float('nan')]), '3 finite'),
    'stranger': ('scene', lambda rows: rows[0].update(name='my-drive'), 'no official split'),
    'twins': ('sample', lambda rows: [*rows, dict(rows[0])], 'two records have the token'),
    'nanoseconds': (
        'sample_data',
        lambda rows: [r.update(timestamp=r['timestamp'] * 1000) for r in rows] and rows,
        'micro',
    ),
    'seconds': (
        'sample_data',
        lambda rows: [r.update(timestamp=r['timestamp'] // 10**6) for r in rows] and rows,
        'micro',
    ),
    'flat box': ('sample_annotation', lambda rows: rows[0].update(size=[2.0, 4.0, 0.0]), 'metres above 0'),
    'category': ('category', lambda rows: rows[0].update(name=rows[1]['name']), 'two records have the name'),
    'scene': ('scene', lambda rows: rows[0].update(name=rows[1]['name']), 'two records have the name scene-'),
    'no scene to validate on': (
        'scene',
        lambda rows: rename_scenes(rows, splits.train),
        r'150 of .*of train and of val',
    ),
    'no scene to train on': ('scene', lambda rows: rename_scenes(rows, splits.val), r'700 of .*of train and of val'),
    'two key frames': (
        'sample_data',
        lambda rows: [*rows, next(r for r in rows if r['is_key_frame'] and 'LIDAR' in r['filename']) | {'token': 'x'}],
        'has two key frames of LIDAR_TOP',
    ),
    'real part last': (
        'ego_pose',
        lambda rows: [r.update(rotation=[*r['rotation'][1:], r['rotation'][0]]) for r in rows] and rows,
        'lean by more than 60 degrees.*real part first',
    ),
    'labels of nothing': ('lidarseg', lambda rows: rows[0].update(sample_data_token='gone'), 'sample_data_token'),
    'box': ('sample_annotation', lambda rows: rows[0].update(num_lidar_pts='many'), 'num_lidar_pts'),
}


@pytest.mark.parametrize('kind', CONTRADICTIONS)
def test_tables_that_contradict_each_other_are_named(root: Path, kind: str) -> None:
    table, change, message = CONTRADICTIONS[kind]
    edit(root, table, change)
    with pytest.raises(InputError, match=message):
        check_nuscenes(root, VERSION, 10)


def test_other_versions_and_nested_folders_are_pointed_at(root: Path) -> None:
    with pytest.raises(MissingFileError, match=r'There is v1\.0-trainval: --version v1\.0-trainval'):
        check_nuscenes(root, 'v1.0-mini', 10)
    with pytest.raises(MissingFileError, match=r'It is in .*nuscenes: give that'):
        check_nuscenes(root.parent, VERSION, 10)
    with pytest.raises(MissingFileError, match='These are the tables themselves'):
        check_nuscenes(root / VERSION, VERSION, 10)
    (root / VERSION).rename(root / 'v1.0-test')
    with pytest.raises(InputError, match='in no official split'):
        check_nuscenes(root, 'v1.0-test', 10)


def test_a_folder_of_labels_is_not_taken_for_the_one_with_tables(root: Path) -> None:
    shutil.rmtree(root / VERSION)
    assert (root / 'lidarseg' / VERSION).is_dir()
    with pytest.raises(MissingFileError) as error:
        check_nuscenes(root, VERSION, 10)
    assert 'It is in' not in str(error.value)


@pytest.mark.parametrize('kind', [np.float64, np.float16], ids=lambda kind: kind.__name__)
def test_key_frames_of_another_type_are_named(root: Path, kind: type) -> None:
    for path in (root / 'samples/LIDAR_TOP').iterdir():
        points = np.fromfile(path, np.float32)
        path.unlink()
        points[: len(points) // 10 * 10].astype(kind).tofile(path)
    with pytest.raises(InputError, match=f'found {kind.__name__} numbers'):
        check_nuscenes(root, VERSION, 10)


def test_key_frames_of_other_columns_are_named(root: Path) -> None:
    for path in (root / 'samples/LIDAR_TOP').iterdir():
        points = np.fromfile(path, np.float32).reshape(-1, 5)
        path.unlink()
        points[: len(points) // 5 * 5, :4].copy().tofile(path)
    with pytest.raises(InputError, match='values that repeat every 4 columns'):
        check_nuscenes(root, VERSION, 10)


def test_labels_of_another_length_than_the_points_are_named(root: Path) -> None:
    path = one_of(root / 'lidarseg' / VERSION)
    labels = path.read_bytes()
    path.unlink()
    path.write_bytes(labels[:-7])
    with pytest.raises(InputError, match=rf'{path.name}: {len(labels) - 7} bytes, wanted {len(labels)}, one for each'):
        check_nuscenes(root, VERSION, 10)


def test_the_test_version_leaves_the_results_of_training_alone(tmp_path: Path) -> None:
    out, view = tmp_path / 'out', tmp_path / 'view'
    for name in ('mine_infos_train.pkl', 'mine_infos_val.pkl', 'mine_dbinfos_train.pkl', 'mine_gt_database/0.bin'):
        (out / name).parent.mkdir(parents=True, exist_ok=True)
        (out / name).write_text('of the training')
    (out / 'mine_infos_test.pkl').write_text('old')
    view.mkdir()
    (view / 'mine_infos_test.pkl').write_text('new')
    _publish(view, out, 'mine')
    found = {path.name: path.read_text() for path in out.rglob('*') if path.is_file()}
    assert found.pop('mine_infos_test.pkl') == 'new'
    assert len(found) == 4 and set(found.values()) == {'of the training'}


def one_of(folder: Path) -> Path:
    return min(folder.iterdir())


def test_missing_and_broken_files_are_named_before_anything_is_written(root: Path) -> None:
    before = sorted(root.iterdir())
    first = one_of(root / 'sweeps/LIDAR_TOP')
    kept = first.read_bytes()
    first.unlink()
    first.write_bytes(kept[:-7])
    with pytest.raises(InputError, match='cut off, the first of 1'):
        prepare_nuscenes(root)
    shutil.rmtree(root / 'sweeps')
    with pytest.raises(MissingFileError, match=r'LIDAR_TOP sweeps between key frames are missing.*--max-sweeps 0'):
        prepare_nuscenes(root)
    check_nuscenes(root, VERSION, 0)
    one_of(root / 'lidarseg' / VERSION).unlink()
    with pytest.raises(MissingFileError, match='label files'):
        prepare_nuscenes(root, max_sweeps=0)
    shutil.rmtree(root / 'maps')
    with pytest.raises(MissingFileError, match='map images'):
        prepare_nuscenes(root, max_sweeps=0)
    one_of(root / 'samples/LIDAR_TOP').unlink()
    with pytest.raises(MissingFileError, match='1 of 8 LIDAR_TOP key frames'):
        prepare_nuscenes(root, max_sweeps=0)
    assert set(root.iterdir()) < set(before)


def test_key_frames_alone_are_converted(root: Path, tmp_path: Path) -> None:
    shutil.rmtree(root / 'sweeps')
    out = prepare_nuscenes(root, out_dir=tmp_path / 'out', max_sweeps=0)
    assert (out / 'nuscenes_infos_train.pkl').is_file()


def test_errors_are_for_users(root: Path) -> None:
    (root / VERSION / 'scene.json').write_bytes(b'\xff\xfe\x00[')
    with pytest.raises(UserError):
        check_nuscenes(root, VERSION, 10)
