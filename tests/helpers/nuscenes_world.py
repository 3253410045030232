"""A tiny converted nuScenes data set of known static points, seen from a car that drives and turns."""

import json
import math
from pathlib import Path

import mmengine
import numpy as np

from dos_mm3d.datasets.nuscenes.sweeps import NuScenesSweeps

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
