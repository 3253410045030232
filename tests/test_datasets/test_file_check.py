"""What is wrong with a data set's files is said before a run begins: by file, with the remedy."""

import os
import pickle
import re
import runpy
import shutil
import sys
from pathlib import Path

import numpy as np
import pytest
from mmengine.config import Config

import dos_mm3d  # noqa: F401  (registers our classes)
from dos_mm3d.datasets.file_check import check_files
from dos_mm3d.datasets.info_pickle import load_info_pickle
from dos_mm3d.engine import launch
from dos_mm3d.engine.launch import check_data
from tests.helpers.checked_worlds import CASES, CONFIGS, KITTI, LABELS, World


def cut(path: Path, n_bytes: int) -> None:
    path.write_bytes(path.read_bytes()[:-n_bytes])


@pytest.mark.parametrize('case', CASES)
def test_missing_infos_name_the_command_of_their_data_set(case, world):
    path = world.infos
    path.unlink()
    said = world.error()
    assert said.startswith(f'{path}: no such info file') and f'tools/create_data.py {case.split()[0]}`' in said


@pytest.mark.parametrize('case', CASES)
def test_an_unfinished_download_is_named_and_counted(case, world):
    path = world.scan
    path.unlink()
    said = world.error()
    assert said.startswith(f'{path}: missing, the first of 1 of ')
    assert f'create_data.py {case.split()[0]}`' in said and 'download' in said


@pytest.mark.parametrize('case', LABELS)
def test_missing_labels_are_named(case, world):
    path = world.labels
    path.unlink()
    assert world.error().startswith(f'{path}: missing, the first of 1 of ')


@pytest.mark.parametrize('case', ['nuscenes detection'])
def test_missing_earlier_sweeps_are_found_where_they_are_read(world):
    shutil.rmtree(world.root / 'sweeps')
    said = world.error()
    assert 'sweeps/LIDAR_TOP' in said and 'missing, the first of' in said


@pytest.mark.parametrize('case', ['nuscenes detection'])
@pytest.mark.parametrize('unit', [1e9, 1e6, 0.0])
def test_times_in_another_unit_than_seconds_are_found_where_sweeps_are_merged(case, unit, world):
    infos = load_info_pickle(world.infos)
    for info in infos['data_list']:
        for timed in (info, *info['lidar_sweeps']):
            timed['timestamp'] *= unit
    world.infos.write_bytes(pickle.dumps(infos))
    assert 'wanted timestamps in seconds' in world.error()


@pytest.mark.parametrize('case', ['nuscenes lidarseg'])
def test_earlier_sweeps_are_not_asked_for_where_none_are_read(world):
    shutil.rmtree(world.root / 'sweeps')
    assert check_files(world.training_set()) is None
    shutil.rmtree(world.root / 'samples')
    assert 'samples/LIDAR_TOP' in world.error(), 'what is read is asked for'


@pytest.mark.parametrize('case', CASES)
def test_a_point_file_that_is_cut_off_is_named(case, world):
    cut(world.scan, 6)
    said = world.error()
    assert said.startswith(f'{world.scan}: found ') and 'cut off' in said


@pytest.mark.parametrize('case', LABELS)
@pytest.mark.parametrize('which', ['scan', 'labels'])
def test_points_and_labels_of_different_lengths_are_named(case, which, world):
    path = getattr(world, which)
    cut(path, 240)
    assert world.error().startswith(f'{path}: too short; found ')


@pytest.mark.parametrize('case', ['waymo detection', 'scannet'])
def test_no_label_zones_and_normals_are_looked_at_too(case, world):
    folder = 'training/no_label_zone' if case.startswith('waymo') else 'normals'
    path = world.root / folder / world.scan.name
    cut(path, 12)
    assert world.error().startswith(f'{path}: too short; found ')
    path.unlink()
    assert world.error().startswith(f'{path}: missing')


@pytest.mark.parametrize('case', LABELS)
def test_labels_that_the_data_set_does_not_define_are_named(case, world):
    kind, number = LABELS[case]
    labels = np.fromfile(world.labels, kind)
    labels[5] = number
    labels.tofile(world.labels)
    assert world.error().startswith(f'{world.labels}: found labels [{number}]; wanted numbers that')


@pytest.mark.parametrize('case', CASES)
@pytest.mark.parametrize(
    ('change', 'said'),
    [
        (lambda infos: infos['data_list'], 'mmdet3d 1.1 infos'),
        (lambda infos: {'infos': [], 'metadata': {}}, 'mmdet3d 1.1 infos'),
        (lambda infos: infos['metainfo'].update(info_version='1.0'), 'found infos of version 1.0'),
        (lambda infos: infos['metainfo'].update(dataset='lyft'), 'found infos of lyft'),
        (lambda infos: infos['data_list'].clear(), 'found no frame'),
        (lambda infos: infos['data_list'][0].pop('lidar_points') and None, 'wanted lidar_points.lidar_path'),
    ],
)
def test_infos_of_another_version_or_data_set_are_refused(case, change, said, world):
    infos = load_info_pickle(world.infos)
    content = change(infos)
    world.infos.write_bytes(pickle.dumps(infos if content is None else content))
    text = world.error()
    assert said in text and f'create_data.py {case.split()[0]}`' in text and str(world.infos) in text


@pytest.mark.parametrize('case', ['nuscenes detection'])
def test_another_version_of_nuscenes_than_that_of_the_infos_is_named(world):
    (world.root / 'v1.0-trainval').rename(world.root / 'v1.0-mini')
    said = world.error()
    assert 'v1.0-trainval: no such folder' in said and 'there: v1.0-mini' in said and '--version v1.0-mini' in said


@pytest.mark.parametrize('case', ['nuscenes detection'])
def test_a_missing_object_database_is_named(world):
    path, dataset = world.root / 'dbinfos.pkl', world.training_set()
    dataset.pipeline.insert(1, dict(type='ObjectSample', db_sampler=dict(info_path=str(path))))
    with pytest.raises(FileNotFoundError, match=rf'{path}: no such file.*ObjectSample.*create_data\.py nuscenes'):
        check_files(dataset)


@pytest.mark.parametrize('case', ['scannet'])
def test_a_missing_list_of_scans_is_named(world):
    path = world.root / 'seg_info/train_scene_idxs.npy'
    path.unlink()
    assert world.error().startswith(f'{path}: no such file')


def test_data_sets_of_others_are_not_judged(tmp_path):
    settings = dict(data_root=str(tmp_path), ann_file='infos_train.pkl')
    assert check_files(dict(type='LyftDataset', **settings)) is None
    with pytest.raises(FileNotFoundError, match='no such info file'):
        check_files(dict(type='NuScenesDataset', **settings))


def test_only_the_first_rank_looks_and_only_at_the_loaders_named(monkeypatch, tmp_path):
    cfg = Config.fromfile(CONFIGS / CASES['semantickitti'][0])
    cfg.train_dataloader.dataset.data_root = f'{tmp_path}/'
    check_data(cfg)
    monkeypatch.setenv('WORLD_SIZE', '2')
    monkeypatch.setenv('RANK', '1')
    check_data(cfg, 'train_dataloader')
    monkeypatch.setenv('RANK', '0')
    with pytest.raises(FileNotFoundError, match='no such info file'):
        check_data(cfg, 'train_dataloader')


@pytest.mark.parametrize('arguments', [['train.py'], ['test.py', 'no_checkpoint.pth']])
def test_both_tools_look_before_they_build_anything(arguments, tmp_path, monkeypatch, capsys):
    tool, config = CONFIGS.parent / 'tools' / arguments[0], CONFIGS / CASES['semantickitti'][0]
    options = [f'{loader}_dataloader.dataset.data_root={tmp_path}/' for loader in ('train', 'val', 'test')]
    work_dir = ['--work-dir', str(tmp_path / 'run')]
    monkeypatch.setattr(sys, 'argv', [str(tool), str(config), *arguments[1:], *work_dir, '--cfg-options', *options])
    monkeypatch.setattr(launch, 'build_runner', lambda cfg: pytest.fail('built before the data were looked at'))
    with pytest.raises(SystemExit) as ended:
        runpy.run_path(str(tool), run_name='__main__')
    assert ended.value.code == 1
    last = capsys.readouterr().err.splitlines()[-1]  # libraries may warn before
    assert re.match(r'error: .*semantickitti_infos_\w+\.pkl: no such info file', last)
    assert not (tmp_path / 'run').exists()


def test_of_28_thousand_frames_a_few_files_are_measured(tmp_path, monkeypatch):
    folder, frames = tmp_path / 'sequences/00', 28130
    for name in ('velodyne', 'labels'):
        (folder / name).mkdir(parents=True)
        np.zeros(40, np.uint32).tofile(folder / name / '0.bin')
    info = dict(
        lidar_points=dict(lidar_path='sequences/00/velodyne/0.bin', num_pts_feats=4),
        pts_semantic_mask_path='sequences/00/labels/0.bin',
    )
    (tmp_path / KITTI).write_bytes(pickle.dumps(dict(metainfo={}, data_list=[dict(info) for _ in range(frames)])))
    measured, size = [], os.path.getsize
    monkeypatch.setattr('os.path.getsize', lambda path: measured.append(path) or size(path))
    with pytest.raises(ValueError, match=r'found 10 points .* and 40 entries'):
        check_files(World('semantickitti', tmp_path).training_set())
    np.zeros(10, np.uint32).tofile(folder / 'labels/0.bin')
    measured.clear()
    check_files(World('semantickitti', tmp_path).training_set())
    assert 64 <= len(measured) <= 300
