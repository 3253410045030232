"""nuScenes folders and info files that are not what they should be: refused by name, or skipped and counted."""

import pickle
from pathlib import Path

import mmengine
import numpy as np
import pytest

from dos_mm3d.datasets.info_pickle import load_info_pickle
from dos_mm3d.datasets.nuscenes.sweeps import NuScenesSweeps
from dos_mm3d.datasets.stream import Draw
from tests.helpers.nuscenes_world import World


def test_missing_infos_say_how_to_make_them(tmp_path):
    with pytest.raises(FileNotFoundError, match=r'infos\.pkl: no such info file; wanted .*tools/create_data\.py'):
        NuScenesSweeps(str(tmp_path), 'infos.pkl')


def test_a_missing_sweep_is_named_or_skipped(tmp_path):
    world = World(tmp_path)
    world.path(0, 4).unlink()
    with pytest.raises(FileNotFoundError, match=f'{world.path(0, 4).name}: no such file; wanted .*data_prefix'):
        [world.dataset(num_sweeps=2)[Draw(0, t)] for t in range(6)]
    dataset = world.dataset(num_sweeps=2, on_bad_file='skip')
    assert sum(len(dataset[Draw(0, t)]['skipped']) for t in range(6)) >= 1


def test_bad_sweeps_are_refused_by_name(tmp_path):
    world = World(tmp_path)
    path = world.path(0, 0)
    whole = path.read_bytes()
    path.write_bytes(whole[:-10])
    with pytest.raises(ValueError, match=rf'{path.name}: found \d+ bytes.*wanted a multiple of 20'):
        world.dataset(num_sweeps=1).load(0)
    table = np.frombuffer(whole, np.float32).reshape(-1, 5).copy()
    table[5, 0] = np.nan
    dataset = world.dataset(num_sweeps=1) if path.write_bytes(table.tobytes()) else None
    with pytest.raises(
        ValueError, match=rf'{path.name}: found 1 of 301 points with NaN or infinity, the first in row 5'
    ):
        dataset.load(0)


def test_files_with_other_columns_are_refused(tmp_path):
    world = World(tmp_path)
    table = np.fromfile(world.path(0, 0), np.float32).reshape(-1, 5)[:300, :4]
    np.ascontiguousarray(table).tofile(world.path(0, 0))
    with pytest.raises(ValueError, match=f'{world.path(0, 0).name}: found values that repeat every 4 columns'):
        world.dataset()


def test_infos_without_poses_are_refused(tmp_path):
    world = World(tmp_path)
    del world.infos['data_list'][1]['lidar_sweeps'][0]['ego2global']
    mmengine.dump(world.infos, str(tmp_path / 'infos.pkl'))
    with pytest.raises(ValueError, match=r'found no pose in its info entry; wanted ego2global'):
        world.dataset()


class Evil:
    def __reduce__(self) -> tuple:
        return (open, ('stolen', 'w'))


def test_a_pickle_of_something_else_is_not_executed(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    path = tmp_path / 'infos.pkl'
    for content in (Evil(), {'metainfo': {}, 'data_list': [Evil()]}, Path('x'), np.array([Evil()], dtype=object)):
        path.write_bytes(pickle.dumps(content))
        with pytest.raises(ValueError, match=r'infos\.pkl: found content that is not loaded .*refers to .*; wanted'):
            load_info_pickle(path)
    assert not (tmp_path / 'stolen').exists()


def test_corrupt_and_foreign_infos_are_refused(tmp_path):
    path = tmp_path / 'infos.pkl'
    whole = pickle.dumps({'metainfo': {}, 'data_list': []})
    for content in (b'', whole[:-5], b'rubbish'):
        path.write_bytes(content)
        with pytest.raises(ValueError, match=r'infos\.pkl: found content that is not loaded'):
            load_info_pickle(path)
    path.write_bytes(pickle.dumps({'infos': [], 'metadata': {}}))
    with pytest.raises(ValueError, match=r"found \['infos', 'metadata'\]; wanted .*'data_list'.*update_infos_to_v2"):
        load_info_pickle(path)


@pytest.mark.parametrize('protocol', [2, 4, 5])
def test_arrays_and_scalars_of_all_protocols_are_loaded(tmp_path, protocol):
    points = {'lidar_path': 'a.bin'}
    entry = {
        'lidar_points': points,
        'box': np.arange(6.0).reshape(2, 3),
        'n': np.int64(3),
        'v': np.float32(0.5),
        'b': np.array([True]),
    }
    path = tmp_path / 'infos.pkl'
    path.write_bytes(pickle.dumps({'metainfo': {'version': 'x'}, 'data_list': [entry]}, protocol=protocol))
    loaded = load_info_pickle(path)['data_list'][0]
    assert all(np.array_equal(loaded[key], value) for key, value in entry.items())


@pytest.mark.parametrize('unit', [1e3, 1e6, 1e9])
def test_timestamps_in_another_unit_are_refused_before_training(tmp_path, unit):
    world = World(tmp_path)
    infos = load_info_pickle(tmp_path / 'infos.pkl')
    for info in infos['data_list']:
        for entry in (info, *info.get('lidar_sweeps', ())):
            entry['timestamp'] *= unit
    mmengine.dump(infos, tmp_path / 'infos.pkl')
    with pytest.raises(ValueError, match=r'infos\.pkl: found \S+ between a sweep and the one before; wanted seconds'):
        world.dataset()
