"""nuScenes frames with their previous sweeps: in the right place, and as mmdet3d's CenterPoint is fed them."""

import json
import math
import pickle
from pathlib import Path

import mmengine
import numpy as np
import pytest
import torch
from mmdet3d.datasets import LoadPointsFromFile, LoadPointsFromMultiSweeps, NuScenesDataset
from numpy.testing import assert_allclose

import dos_mm3d  # noqa: F401  (applies the repairs)
from dos_mm3d.datasets.info_pickle import load_info_pickle
from dos_mm3d.datasets.nuscenes import NuScenesSweeps
from dos_mm3d.datasets.splits import cut_scenes
from dos_mm3d.datasets.stream import Draw

REAL = Path(__file__).parents[3] / 'shared' / 'data' / 'real' / 'nuscenes_demo'
PERIOD_S = 0.05
KEY_EVERY, KEYS_PER_SCENE = 4, 3
N_FRAMES = KEY_EVERY * (KEYS_PER_SCENE - 1) + 1  # a scene, from its first to its last key frame
SCENES = ('scene-0001', 'scene-0002')


def lidar2ego() -> np.ndarray:
    return pose(0.9, 0.1, 1.8, -math.pi / 2, 0.03)


def pose(x: float, y: float, z: float, yaw_rad: float, roll_rad: float = 0.0) -> np.ndarray:
    """(4, 4) rigid transform."""
    c, s, cr, sr = math.cos(yaw_rad), math.sin(yaw_rad), math.cos(roll_rad), math.sin(roll_rad)
    matrix = np.eye(4)
    matrix[:3, :3] = np.array([[c, -s, 0], [s, c, 0], [0, 0, 1]]) @ np.array([[1, 0, 0], [0, cr, -sr], [0, sr, cr]])
    matrix[:3, 3] = x, y, z
    return matrix


def ego2global(scene: int, frame: int) -> np.ndarray:
    """A car that drives 10 m/s and turns by 0.6 rad/s, some hundred metres from the map's origin."""
    t = frame * PERIOD_S
    return pose(700 + 300 * scene + 10 * t, 1200 + 3 * t * t, 0.2 * t, 0.5 + 0.6 * t, 0.05 * t)


class World:
    """Static points of two scenes, written as seen from every frame; `root` is a tiny converted data set."""

    def __init__(self, root: Path) -> None:
        self.root = root
        rng = np.random.default_rng(0)
        angle_rad, radius_m = rng.uniform(0, 2 * math.pi, 300), rng.uniform(12, 40, 300)  # never near the car
        around = np.stack([radius_m * np.cos(angle_rad), radius_m * np.sin(angle_rad), rng.uniform(-1, 5, 300)], 1)
        self.global_points = {s: ego2global(s, 4)[:3, 3] + around for s in range(2)}
        self.intensity = rng.integers(0, 256, 300)
        for s in range(2):
            for f in range(N_FRAMES):
                self._write_frame(s, f)
        infos = [self._info(s, k * KEY_EVERY) for s in range(2) for k in range(KEYS_PER_SCENE)]
        self.infos = {'metainfo': {'version': 'v1.0-trainval', 'dataset': 'nuscenes'}, 'data_list': infos}
        mmengine.dump(self.infos, str(root / 'infos.pkl'))
        self._write_tables(infos)

    def lidar2global(self, scene: int, frame: int) -> np.ndarray:
        return ego2global(scene, frame) @ lidar2ego()

    def name(self, scene: int, frame: int) -> str:
        return f'log{scene}__LIDAR_TOP__{frame:04d}.pcd.bin'

    def path(self, scene: int, frame: int) -> Path:
        folder = 'sweeps' if frame % KEY_EVERY else 'samples'
        return self.root / folder / 'LIDAR_TOP' / self.name(scene, frame)

    def points_in(self, scene: int, frame: int) -> np.ndarray:
        """The static points in the LiDAR frame of `frame`, and one at 0.5 m that the car itself causes."""
        to_lidar = np.linalg.inv(self.lidar2global(scene, frame))
        return np.r_[self.global_points[scene] @ to_lidar[:3, :3].T + to_lidar[:3, 3], [[0.5, -0.5, 0.1]]]

    def _write_frame(self, scene: int, frame: int) -> None:
        xyz = self.points_in(scene, frame)
        table = np.c_[xyz, np.r_[self.intensity, 7], np.arange(len(xyz)) % 32].astype(np.float32)
        self.path(scene, frame).parent.mkdir(parents=True, exist_ok=True)
        table.tofile(self.path(scene, frame))

    def _info(self, scene: int, frame: int) -> dict:
        """As mmdet3d's converter writes it: key frames by name, sweeps by path, poses as float32 lists."""
        info = {
            'token': f'sample{scene}_{frame}',
            'timestamp': 1.5e9 + scene * 100 + frame * PERIOD_S,
            'ego2global': ego2global(scene, frame).astype(np.float32).tolist(),
            'lidar_points': {
                'lidar_path': self.name(scene, frame),
                'lidar2ego': lidar2ego().astype(np.float32).tolist(),
            },
        }
        info['lidar_points']['num_pts_feats'] = 5
        sweeps = [self._sweep(scene, frame, older) for older in range(frame - 1, max(frame - 11, -1), -1)]
        return {**info, 'lidar_sweeps': sweeps} if sweeps else info

    def _sweep(self, scene: int, key: int, frame: int) -> dict:
        lidar2sensor = np.linalg.inv(self.lidar2global(scene, frame)) @ self.lidar2global(scene, key)
        return {
            'timestamp': 1.5e9 + scene * 100 + frame * PERIOD_S,
            'ego2global': ego2global(scene, frame).astype(np.float32).tolist(),
            'lidar_points': {
                'lidar_path': str(self.path(scene, frame)),
                'lidar2ego': lidar2ego().astype(np.float32).tolist(),
                'lidar2sensor': lidar2sensor.astype(np.float32).tolist(),
            },
        }

    def _write_tables(self, infos: list[dict]) -> None:
        (self.root / 'v1.0-trainval').mkdir()
        scenes = [{'token': f'token{i}', 'name': name} for i, name in enumerate(SCENES)]
        samples = [{'token': info['token'], 'scene_token': f'token{info["token"][6]}'} for info in infos]
        for name, table in (('scene', scenes), ('sample', samples)):
            (self.root / 'v1.0-trainval' / f'{name}.json').write_text(json.dumps(table))

    def dataset(self, **options) -> NuScenesSweeps:
        return NuScenesSweeps(str(self.root), 'infos.pkl', **options)


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


@pytest.mark.parametrize('anchors', ['keyframes', 'all'])
def test_static_points_of_all_sweeps_fall_together_while_the_car_turns(world, anchors):
    dataset = world.dataset(num_sweeps=6, anchors=anchors)
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


def test_every_file_is_an_anchor_once(world):
    dataset = world.dataset(anchors='all', num_sweeps=2)
    files = [dataset.load(i)[1] for i in range(len(dataset))]
    assert sorted(files) == sorted(str(world.path(s, f)) for s in range(2) for f in range(N_FRAMES))


def test_no_sweep_of_another_scene_is_mixed_in(world):
    dataset = world.dataset(anchors='all', num_sweeps=10)
    for anchor in range(len(dataset)):
        logs = {Path(dataset.table.paths[row]).name[:4] for row in dataset._rows_of_sample(anchor)}
        assert len(logs) == 1


@pytest.mark.parametrize(('names', 'scenes'), [(SCENES[1:], {1}), (SCENES[:1], {0}), (SCENES, {0, 1}), (None, {0, 1})])
def test_scenes_are_chosen_by_name(world, names, scenes):
    for anchors, per_scene in (('keyframes', KEYS_PER_SCENE), ('all', N_FRAMES)):
        dataset = world.dataset(anchors=anchors, num_sweeps=1, scenes=names)
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
    dataset = world.dataset(part=part, anchors='all', num_sweeps=1)
    names = {SCENES[int(Path(dataset.load(i)[1]).name[3])] for i in range(len(dataset))}
    assert names == set(cut_scenes(SCENES)[part])


def test_tables_of_another_data_set_are_refused(tmp_path):
    world = World(tmp_path)
    (tmp_path / 'v1.0-trainval' / 'sample.json').write_text('[]')
    with pytest.raises(ValueError, match=r'6 of 6 frames of the infos not in sample\.json'):
        world.dataset(part='pretrain')


# --- when things go wrong ---


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
    entry = {'box': np.arange(6.0).reshape(2, 3), 'n': np.int64(3), 'v': np.float32(0.5), 'b': np.array([True])}
    path = tmp_path / 'infos.pkl'
    path.write_bytes(pickle.dumps({'metainfo': {'version': 'x'}, 'data_list': [entry]}, protocol=protocol))
    loaded = load_info_pickle(path)['data_list'][0]
    assert all(np.array_equal(loaded[key], value) for key, value in entry.items())


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
    whole = NuScenesSweeps(**options, anchors='all')
    parts = [NuScenesSweeps(**options, anchors='all', part=part) for part in ('pretrain', 'probe_train')]
    files = [{part.load(i)[1] for i in range(len(part))} for part in parts]
    assert files[0] | files[1] == {whole.load(i)[1] for i in range(len(whole))}
    assert not files[0] & files[1] and min(map(len, files)) > 5
