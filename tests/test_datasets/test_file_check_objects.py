"""What a run would say after its first minutes, or at its end, is said first."""

import pickle
import re
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from mmengine.config import Config

from dos_mm3d.datasets.file_check import check_files
from dos_mm3d.datasets.info_pickle import load_info_pickle, load_plain_pickle
from dos_mm3d.datasets.nuscenes.scoring import check_scoring
from dos_mm3d.errors import InputError, MissingFileError
from tests.helpers.checked_worlds import CONFIGS, World

DETECTION = pytest.mark.parametrize('case', ['nuscenes detection', 'waymo detection', 'kitti detection'])
NUSCENES = pytest.mark.parametrize('case', ['nuscenes detection'])


def edit(world: World, change: Callable[[dict], object]) -> None:
    infos = load_info_pickle(world.infos)
    change(infos)
    world.infos.write_bytes(pickle.dumps(infos))


@DETECTION
@pytest.mark.parametrize(
    'change',
    [
        lambda info: info['instances'].clear(),
        lambda info: [box.update(bbox_label_3d=-1) for box in info['instances']],
        lambda info: [box.update(bbox_3d_isvalid=False, num_lidar_pts=0) for box in info['instances']],
        lambda info: [box['bbox_3d'].__setitem__(0, 1e4) for box in info['instances']],
    ],
    ids=['no boxes', 'other classes', 'empty boxes', 'far away'],
)
def test_frames_without_a_box_to_train_on_are_said(world: World, change: Callable) -> None:
    edit(world, lambda infos: [change(info) for info in infos['data_list']])
    assert 'frames has a box of' in world.error()


@pytest.mark.parametrize('case', ['nuscenes detection', 'nuscenes sweeps'])
def test_infos_without_earlier_sweeps_are_not_taken_for_accumulated_ones(world: World) -> None:
    edit(world, lambda infos: [info.pop('lidar_sweeps', None) for info in infos['data_list']])
    assert 'none of its frames lists earlier sweeps' in world.error()


@pytest.mark.parametrize('case', ['kitti detection'])
def test_boxes_of_the_camera_frame_are_looked_for_where_they_are(world: World) -> None:
    def place(x: float, z: float) -> Callable[[dict], object]:
        return lambda infos: [
            box['bbox_3d'].__setitem__(slice(0, 3), [x, 1.6, z])
            for info in infos['data_list']
            for box in info['instances']
        ]

    edit(world, place(-20.0, 30.0))  # to the left, ahead
    check_files(world.training_set())
    edit(world, place(20.0, -30.0))  # behind the car, where nothing is trained on
    assert 'frames has a box of' in world.error()


@NUSCENES
def test_a_test_needs_no_boxes(world: World) -> None:
    edit(world, lambda infos: [info['instances'].clear() for info in infos['data_list']])
    check_files({**world.training_set(), 'test_mode': True})


@NUSCENES
def test_classes_that_the_infos_do_not_have_are_named(world: World) -> None:
    dataset = world.training_set()
    dataset['metainfo'] = dict(classes=['car', 'tram', 'ferry'])
    with pytest.raises(InputError, match=r'has no class tram, ferry.*it has car, truck'):
        check_files(dataset)
    dataset['metainfo'] = dict(classes=['trailer'])
    check_files(dataset)


@NUSCENES
def test_labels_of_another_numbering_are_not_taken_for_other_classes(world: World) -> None:
    edit(world, lambda infos: infos['metainfo'].update(categories={'truck': 0, 'car': 1}))
    assert 'numbers car as 1, wanted 0' in world.error()


@DETECTION
def test_the_box_database_is_looked_at(world: World) -> None:
    (path,) = world.root.glob('*_dbinfos_train.pkl')
    dataset = world.training_set()
    steps = [step for step in dataset['pipeline'] if 'db_sampler' in step]
    if not steps:
        sampler = dict(info_path=str(path), data_root=str(world.root))
        dataset['pipeline'].insert(1, dict(type='ObjectSample', db_sampler=sampler))
    check_files(dataset)
    one = next(entry for group in load_plain_pickle(path, data_set='x').values() for entry in group)
    (world.root / one['path']).unlink()
    with pytest.raises(MissingFileError, match=r'the first of 1 of .* objects that'):
        check_files(dataset)
    path.write_bytes(pickle.dumps({'car': [{'name': 'car'}]}))
    with pytest.raises(InputError, match='no lists of objects by class'):
        check_files(dataset)


def scored(root: Path, **settings) -> tuple[dict, dict]:
    """Test set and metric of a nuScenes config, on a miniature."""
    infos = str(root / 'nuscenes_infos_val.pkl')
    dataset = dict(type='NuScenesDataset', data_root=str(root), ann_file='nuscenes_infos_val.pkl', **settings)
    return dataset, dict(type='NuScenesMetric', data_root=str(root), ann_file=infos)


def test_the_whole_validation_split_is_scored(synthetic_nuscenes: Path) -> None:
    dataset, metric = scored(synthetic_nuscenes)
    check_scoring(dataset, [metric])
    check_scoring(dict(type='CBGSDataset', dataset=dataset), [metric])
    check_scoring(dict(type='Anything'), [dict(type='SegMetric')])


def test_classes_without_a_box_are_said(synthetic_nuscenes: Path, tmp_path: Path, capsys) -> None:
    """The devkit has 0 for them, as for a detector that finds none."""
    for path in synthetic_nuscenes.iterdir():
        (tmp_path / path.name).symlink_to(path)
    dataset, metric = scored(tmp_path)
    infos = load_info_pickle(tmp_path / dataset['ann_file'])
    car = infos['metainfo']['categories']['car']
    for info in infos['data_list']:
        info['instances'] = [box for box in info['instances'] if box['bbox_label_3d'] != car]
    (tmp_path / dataset['ann_file']).unlink()
    (tmp_path / dataset['ann_file']).write_bytes(pickle.dumps(infos))
    check_scoring(dataset, [metric])
    said = capsys.readouterr().err
    assert said.count('\n') == 1 and re.search(
        r'no box of (.*, )?car(, .*)? in its \d+ frames; the devkit scores', said
    )


@pytest.mark.parametrize(
    'settings',
    [dict(indices=1), dict(indices=-2), dict(indices=[0, 2]), dict(load_interval=2), dict(labelled_scenes=1)],
)
def test_a_part_of_the_split_is_refused_before_the_test(synthetic_nuscenes: Path, settings: dict) -> None:
    dataset, metric = scored(synthetic_nuscenes, **settings)
    with pytest.raises(InputError, match=r"key frames of v1\.0-trainval's validation split would be tested"):
        check_scoring(dataset, [metric])
    check_scoring(dataset, [metric | dict(format_only=True, jsonfile_prefix='a')])


def test_other_frames_tables_and_versions_are_refused(synthetic_nuscenes: Path, tmp_path: Path) -> None:
    root = tmp_path / 'nuscenes'
    root.mkdir()
    for path in synthetic_nuscenes.iterdir():
        (root / path.name).symlink_to(path)
    dataset, metric = scored(root)
    train = dict(ann_file='nuscenes_infos_train.pkl')
    with pytest.raises(InputError, match=r'is scored .*but .* is tested'):
        check_scoring(dataset | train, [metric])
    with pytest.raises(InputError, match='and 4 others'):
        check_scoring(dataset | train, [metric | dict(ann_file=str(root / train['ann_file']))])
    (root / 'maps').unlink()
    with pytest.raises(MissingFileError, match='map images'):
        check_scoring(dataset, [metric])
    infos = load_info_pickle(root / dataset['ann_file'])
    infos['metainfo']['version'] = 'v1.0-test'
    (root / dataset['ann_file']).unlink()
    (root / dataset['ann_file']).write_bytes(pickle.dumps(infos))
    with pytest.raises(InputError, match=r'v1\.0-test, which has no labels'):
        check_scoring(dataset, [metric])
    shutil.rmtree(tmp_path)


def test_every_config_for_nuscenes_scores_what_it_tests() -> None:
    """Their names alone; the files are not here."""
    for path in sorted((CONFIGS / 'centerpoint').glob('*nuscenes*.py')):
        cfg = Config.fromfile(path)
        for kind in ('val', 'test'):
            if cfg.get(f'{kind}_evaluator'):
                tested_file = Path(
                    cfg[f'{kind}_dataloader'].dataset.data_root, cfg[f'{kind}_dataloader'].dataset.ann_file
                )
                assert Path(cfg[f'{kind}_evaluator'].ann_file) == tested_file, path


@NUSCENES
@pytest.mark.parametrize(
    ('change', 'key'),
    [
        (lambda info: info.pop('timestamp'), 'timestamp'),
        (lambda info: [box.pop('velocity') for box in info['instances']], 'velocity'),
        (lambda info: [box.pop('bbox_3d_isvalid') for box in info['instances']], 'bbox_3d_isvalid'),
        (lambda info: [one['lidar_points'].pop('lidar2sensor') for one in info['lidar_sweeps']], 'lidar2sensor'),
        (lambda info: [one.pop('timestamp') for one in info['lidar_sweeps']], 'timestamp'),
    ],
)
def test_a_key_that_the_pipeline_reads_and_a_later_frame_lacks_is_named(
    world: World, change: Callable, key: str
) -> None:
    edit(world, lambda infos: change(infos['data_list'][-1]))
    assert re.search(rf'entry \d+ of data_list has no .*{key}', world.error())


@NUSCENES
@pytest.mark.parametrize('indices', [0, [], [99], 'all', [0.5], True])
def test_indices_that_leave_no_frame_or_are_none_are_refused(world: World, indices: object) -> None:
    with pytest.raises(InputError, match='wanted how many of them'):
        check_files({**world.training_set(), 'indices': indices})
    for good in (None, 1, 99, -1, [0, -1]):
        check_files({**world.training_set(), 'indices': good})
