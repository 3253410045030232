"""nuScenes frames with their previous sweeps: in the right place, and as mmdet3d's CenterPoint is fed them."""

from pathlib import Path

import numpy as np
import pytest
import torch
from mmdet3d.datasets import LoadPointsFromFile, LoadPointsFromMultiSweeps, NuScenesDataset
from numpy.testing import assert_allclose

import dos_mm3d  # noqa: F401  (applies the repairs)
from dos_mm3d.datasets.nuscenes.sweeps import NuScenesSweeps
from dos_mm3d.datasets.splits import cut_scenes
from tests.helpers.nuscenes_world import KEY_EVERY, KEYS_PER_SCENE, N_FRAMES, PERIOD_S, SCENES, World

REAL = Path(__file__).parents[3] / 'shared' / 'data' / 'real' / 'nuscenes_demo'


@pytest.fixture(scope='module')
def world(tmp_path_factory) -> World:
    return World(tmp_path_factory.mktemp('nuscenes'))


def by_mmdet3d(info: dict, key_path: Path, n_previous: int) -> np.ndarray:
    """What the loaders of mmdet3d's CenterPoint config make of an info entry whose sweeps have whole paths."""
    results = {**info, 'lidar_points': {**info['lidar_points'], 'lidar_path': str(key_path)}}
    load = LoadPointsFromFile(coord_type='LIDAR', load_dim=5, use_dim=5)
    add = LoadPointsFromMultiSweeps(n_previous, use_dim=[0, 1, 2, 3, 4], remove_close=True, test_mode=True)
    return add.transform(load.transform(results))['points'].tensor.numpy()


@pytest.mark.parametrize('num_sweeps', [1, 4, 8])
def test_key_frames_are_what_mmdet3d_feeds_centerpoint(world, num_sweeps):
    dataset = world.dataset(num_sweeps=num_sweeps)
    assert len(dataset) == 2 * KEYS_PER_SCENE
    for i, info in enumerate(world.infos['data_list']):
        points, file = dataset.load(i)
        key_path = world.path(i // KEYS_PER_SCENE, i % KEYS_PER_SCENE * KEY_EVERY)
        assert file == str(key_path)
        expected = by_mmdet3d(info, key_path, num_sweeps - 1)
        assert points.dtype == torch.float32 and points.shape == expected.shape
        assert_allclose(points.numpy(), expected, atol=1e-3)


@pytest.mark.parametrize('key_frames_only', [True, False])
def test_static_points_of_all_sweeps_fall_together_while_the_car_turns(world, key_frames_only):
    dataset = world.dataset(num_sweeps=6, key_frames_only=key_frames_only)
    for i in range(len(dataset)):
        points, file = dataset.load(i)
        scene, frame = int(Path(file).name[3]), int(Path(file).name.split('__')[2][:4])
        n = min(6, frame + 1)
        own = world.points_in(scene, frame)
        lag_s = points[:, 4].numpy()
        assert_allclose(np.unique(lag_s.round(3)), np.arange(n) * PERIOD_S, atol=1e-5)
        assert_allclose(points[: len(own), :3], own, atol=1e-4)
        assert not lag_s[: len(own)].any()
        for age in range(1, n):
            older = points[np.abs(lag_s - age * PERIOD_S) < 1e-3].numpy()
            assert_allclose(older[:, :3], own[:-1], atol=2e-3)  # without the point on the car itself
            assert_allclose(older[:, 3], world.intensity)


def test_the_repair_of_mmdet3ds_loader_is_still_needed(world):
    """Unrepaired, mmdet3d leaves the way driven unrotated: several decimetres here."""
    info = world.infos['data_list'][2]
    wrapped, repaired = LoadPointsFromMultiSweeps.transform, by_mmdet3d(info, world.path(0, 8), 7)
    try:
        LoadPointsFromMultiSweeps.transform = wrapped.__wrapped__
        unrepaired = by_mmdet3d(info, world.path(0, 8), 7)
    finally:
        LoadPointsFromMultiSweeps.transform = wrapped
    own = world.points_in(0, 8)[:-1]
    assert np.abs(repaired[-len(own) :, :3] - own).max() < 2e-3
    assert np.linalg.norm(unrepaired[-len(own) :, :3] - own, axis=1).max() > 0.3


def test_every_file_is_a_current_sweep_once(world):
    dataset = world.dataset(key_frames_only=False, num_sweeps=2)
    files = [dataset.load(i)[1] for i in range(len(dataset))]
    assert sorted(files) == sorted(str(world.path(s, f)) for s in range(2) for f in range(N_FRAMES))


def test_no_sweep_of_another_scene_is_mixed_in(world):
    dataset = world.dataset(key_frames_only=False, num_sweeps=10)
    for current in range(len(dataset)):
        logs = {Path(dataset.table.paths[row]).name[:4] for row in dataset._rows_of_sample(current)}
        assert len(logs) == 1


@pytest.mark.parametrize(('names', 'scenes'), [(SCENES[1:], {1}), (SCENES[:1], {0}), (SCENES, {0, 1}), (None, {0, 1})])
def test_scenes_are_chosen_by_name(world, names, scenes):
    for key_frames_only, per_scene in ((True, KEYS_PER_SCENE), (False, N_FRAMES)):
        dataset = world.dataset(key_frames_only=key_frames_only, num_sweeps=1, scenes=names)
        assert len(dataset) == per_scene * len(scenes)
        assert {int(Path(dataset.load(i)[1]).name[3]) for i in range(len(dataset))} == scenes


def test_unknown_and_empty_choices_of_scenes_are_refused(world):
    with pytest.raises(ValueError, match=r"found scenes \['scene-0001', 'scene-0002'\]; wanted \['scene-0009'\]"):
        world.dataset(scenes=['scene-0009'])
    with pytest.raises(ValueError, match='found 2 scenes, none left'):
        world.dataset(scenes=[])
    with pytest.raises(ValueError, match=r"part must be one of .*'pretrain'.* got 'test'"):
        world.dataset(part='test')


@pytest.mark.parametrize('part', ['pretrain', 'probe_train'])
def test_a_part_is_the_fixed_cut_by_scene(world, part):
    dataset = world.dataset(part=part, key_frames_only=False, num_sweeps=1)
    names = {SCENES[int(Path(dataset.load(i)[1]).name[3])] for i in range(len(dataset))}
    assert names == set(cut_scenes(SCENES)[part])


def test_tables_of_another_data_set_are_refused(tmp_path):
    world = World(tmp_path)
    (tmp_path / 'v1.0-trainval' / 'sample.json').write_text('[]')
    with pytest.raises(ValueError, match=r'6 of 6 frames of the infos not in sample\.json'):
        world.dataset(part='pretrain')


@pytest.mark.skipif(not REAL.is_dir(), reason='../shared/data/real/nuscenes_demo is absent')
def test_the_real_demo_frame_is_read_with_its_own_infos():
    dataset = NuScenesSweeps(str(REAL), next(REAL.glob('*.pkl')).name, data_prefix={'pts': ''})
    points, file = dataset.load(0)
    raw = np.fromfile(file, np.float32).reshape(-1, 5)
    assert_allclose(points[:, :4], raw[:, :4])
    assert not points[:, 4].any()
    assert points[:, 3].max() == 255


def by_mmdet3d_dataset(root: Path, ann_file: str, num_sweeps: int) -> NuScenesDataset:
    """mmdet3d's own data set with the loaders of its CenterPoint config."""
    load = {'type': 'mmdet3d.LoadPointsFromFile', 'coord_type': 'LIDAR', 'load_dim': 5, 'use_dim': 5}
    add = {'type': 'mmdet3d.LoadPointsFromMultiSweeps', 'sweeps_num': num_sweeps - 1, 'use_dim': [0, 1, 2, 3, 4]}
    return NuScenesDataset(
        str(root),
        ann_file,
        pipeline=[load, {**add, 'remove_close': True, 'test_mode': True}],
        modality={'use_lidar': True, 'use_camera': False},
        data_prefix={'pts': 'samples/LIDAR_TOP', 'sweeps': 'sweeps/LIDAR_TOP', 'img': ''},
        test_mode=True,
    )


@pytest.mark.parametrize('split', ['train', 'val'])
def test_the_embedded_data_set_is_fed_as_by_mmdet3d(synthetic_nuscenes, split):
    ann_file = f'nuscenes_infos_{split}.pkl'
    dataset = NuScenesSweeps(str(synthetic_nuscenes), ann_file, num_sweeps=10)
    upstream = by_mmdet3d_dataset(synthetic_nuscenes, ann_file, 10)
    assert len(dataset) == len(upstream) > 1
    n_sweeps = set()
    for i in range(len(dataset)):
        points, expected = dataset.load(i)[0].numpy(), upstream[i]['points'].tensor.numpy()
        assert points.shape == expected.shape
        assert_allclose(points, expected, atol=2e-3)
        n_sweeps.add(len(np.unique(points[:, 4])))
    assert max(n_sweeps) == 10


def test_parts_of_the_embedded_data_set_share_no_file(synthetic_nuscenes):
    options = {'data_root': str(synthetic_nuscenes), 'ann_file': 'nuscenes_infos_train.pkl', 'num_sweeps': 1}
    whole = NuScenesSweeps(**options, key_frames_only=False)
    parts = [NuScenesSweeps(**options, key_frames_only=False, part=part) for part in ('pretrain', 'probe_train')]
    files = [{part.load(i)[1] for i in range(len(part))} for part in parts]
    assert files[0] | files[1] == {whole.load(i)[1] for i in range(len(whole))}
    assert not files[0] & files[1] and min(map(len, files)) > 5
