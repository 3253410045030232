"""mmdet3d's converter on the embedded data set, and on what is none."""

import json
import shutil
import sys
from pathlib import Path

import numpy as np
import pytest
from mmengine.fileio import load

from dos_mm3d.datasets.converting import LOCK
from dos_mm3d.datasets.mmdet3d_converter import mmdet3d_converter
from dos_mm3d.datasets.nuscenes.convert import prepare_nuscenes
from dos_mm3d.miniatures.taxonomy import CLASS_RANGE_M
from tests.helpers.forked import run_forked
from tools import create_data


@pytest.mark.parametrize('split', ['train', 'val'])
def test_infos_load_through_mmdet3d_and_point_at_what_is_there(synthetic_nuscenes, split):
    from mmdet3d.datasets import NuScenesDataset

    prefix = {'pts': 'samples/LIDAR_TOP', 'img': '', 'sweeps': 'sweeps/LIDAR_TOP'}
    dataset = NuScenesDataset(
        str(synthetic_nuscenes), f'nuscenes_infos_{split}.pkl', pipeline=[], data_prefix=prefix, use_valid_flag=True
    )
    assert len(dataset) == 4
    seen = set()
    for index in range(4):
        info = dataset.get_data_info(index)
        points = np.fromfile(info['lidar_points']['lidar_path'], np.float32).reshape(-1, 5)
        mask = synthetic_nuscenes / 'lidarseg' / 'v1.0-trainval' / Path(info['pts_semantic_mask_path']).name
        assert mask.stat().st_size == len(points)
        assert len(info['lidar_sweeps']) >= 9
        assert all(Path(sweep['lidar_points']['lidar_path']).is_file() for sweep in info['lidar_sweeps'])
        seen |= {dataset.metainfo['classes'][label] for label in info['ann_info']['gt_labels_3d']}
    assert seen == set(CLASS_RANGE_M)


def test_box_database_holds_the_points_of_every_class(synthetic_nuscenes):
    entries = load(synthetic_nuscenes / 'nuscenes_dbinfos_train.pkl')
    assert set(entries) == set(CLASS_RANGE_M)
    for group in entries.values():
        for entry in group:
            points = np.fromfile(synthetic_nuscenes / entry['path'], np.float32).reshape(-1, 5)
            assert len(points) == entry['num_points_in_gt']
            assert np.abs(points[:, :2]).max(initial=0.0) < 9.0


def test_no_working_names_are_left_behind(synthetic_nuscenes):
    assert not list(synthetic_nuscenes.glob('*partial*'))


def test_results_go_to_out_dir_and_leave_the_root_alone(synthetic_nuscenes, tmp_path):
    before = {path.name for path in synthetic_nuscenes.iterdir()}
    out = prepare_nuscenes(synthetic_nuscenes, out_dir=tmp_path / 'out', extra_tag='mine', max_sweeps=3)
    assert {path.name for path in synthetic_nuscenes.iterdir()} == before
    names = {'mine_infos_train.pkl', 'mine_infos_val.pkl', 'mine_dbinfos_train.pkl', 'mine_gt_database', LOCK}
    assert {path.name for path in out.iterdir()} == names
    assert all(len(info['lidar_sweeps']) == 3 for info in load(out / 'mine_infos_val.pkl')['data_list'])
    for group in load(out / 'mine_dbinfos_train.pkl').values():
        assert all((out / entry['path']).is_file() for entry in group)


def test_an_interrupted_conversion_keeps_no_results(synthetic_nuscenes, tmp_path, monkeypatch):
    root = tmp_path / 'copy'
    shutil.copytree(synthetic_nuscenes, root, ignore=shutil.ignore_patterns('nuscenes_*'))
    monkeypatch.setattr(
        'dos_mm3d.datasets.nuscenes.convert._publish', lambda *args: (_ for _ in ()).throw(KeyboardInterrupt)
    )
    with pytest.raises(KeyboardInterrupt):
        prepare_nuscenes(root)
    assert not list(root.glob('nuscenes_*'))


def test_other_modules_named_tools_survive(synthetic_nuscenes):
    def ours() -> dict:
        return {name: module for name, module in sys.modules.items() if name.split('.')[0] == 'tools'}

    before = ours()
    assert before['tools.create_data'] is create_data
    with mmdet3d_converter(synthetic_nuscenes) as converter:
        assert callable(converter.nuscenes_data_prep) and sys.modules['tools.create_data'] is converter
    assert ours() == before


def run_tool(*arguments):
    return run_forked('create_data', 'nuscenes', *arguments)


def test_a_folder_that_is_not_there_is_one_sentence(tmp_path):
    result = run_tool('--root-path', str(tmp_path / 'nowhere'))
    assert result.returncode == 1 and 'nowhere' in result.stderr and 'Traceback' not in result.stderr


def test_wrong_folders_and_missing_sweeps_are_named(synthetic_nuscenes, tmp_path):
    with pytest.raises(FileNotFoundError, match=r'missing .*scene\.json'):
        prepare_nuscenes(tmp_path)
    with pytest.raises(ValueError, match='version'):
        prepare_nuscenes(synthetic_nuscenes, 'v1.0-full')
    with pytest.raises(ValueError, match='max_sweeps'):
        prepare_nuscenes(synthetic_nuscenes, max_sweeps=-1)
    shutil.copytree(synthetic_nuscenes / 'v1.0-trainval', tmp_path / 'v1.0-trainval')
    with pytest.raises(FileNotFoundError, match='8 of 8 LIDAR_TOP key frames are missing'):
        prepare_nuscenes(tmp_path)


def test_tables_name_no_time_and_no_machine(synthetic_nuscenes):
    for path in (synthetic_nuscenes / 'v1.0-trainval').glob('*.json'):
        assert str(synthetic_nuscenes) not in path.read_text()
        json.loads(path.read_text())
