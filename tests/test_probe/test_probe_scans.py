"""Key frames for the probe: labels on the right points, nothing outside the range, older sweeps as input only."""

import json
import pickle
from pathlib import Path

import numpy as np
import pytest
import torch

from dos_mm3d.probe.scans import KeyFrames, ProbeScans
from dos_mm3d.structures import Grid

RANGE, VOXEL = [-10, -10, -5, 10, 10, 3], [0.5, 0.5, 0.5]
CATEGORIES = {0: 'noise', 17: 'vehicle.car', 24: 'flat.driveable_surface'}


def pose_entry(name: str, time_s: float) -> dict:
    eye = np.eye(4).tolist()
    return {
        'timestamp': time_s,
        'ego2global': eye,
        'lidar_points': {'lidar_path': name, 'lidar2ego': eye, 'lidar2sensor': eye, 'num_pts_feats': 5},
    }


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """One scene, one key frame of 40 points and one older sweep of 30; every third key point lies out of range."""
    generator = np.random.default_rng(0)
    for folder in ('samples/LIDAR_TOP', 'sweeps/LIDAR_TOP', 'lidarseg/v1.0-trainval', 'v1.0-trainval'):
        (tmp_path / folder).mkdir(parents=True)
    key = generator.uniform(2, 9, (40, 5)).astype(np.float32)
    key[:, 2] = 0
    key[::3, 0] = 50
    key.tofile(tmp_path / 'samples/LIDAR_TOP/key.pcd.bin')
    generator.uniform(2, 3, (30, 5)).astype(np.float32).tofile(tmp_path / 'sweeps/LIDAR_TOP/old.pcd.bin')
    generator.choice(list(CATEGORIES), 40).astype(np.uint8).tofile(tmp_path / 'lidarseg/v1.0-trainval/seg.bin')
    info = {
        **pose_entry('key.pcd.bin', 1.0),
        'token': 'sample0',
        'lidar_sweeps': [pose_entry('data/x/sweeps/LIDAR_TOP/old.pcd.bin', 0.95)],
        'pts_semantic_mask_path': 'seg.bin',
        'instances': [],
    }
    infos = {'metainfo': {'version': 'v1.0-trainval'}, 'data_list': [info]}
    (tmp_path / 'infos.pkl').write_bytes(pickle.dumps(infos))
    tables = {
        'scene': [{'token': 's', 'name': 'scene-0001'}],
        'sample': [{'token': 'sample0', 'scene_token': 's'}],
        'category': [{'name': name, 'index': index} for index, name in CATEGORIES.items()],
    }
    for name, records in tables.items():
        (tmp_path / 'v1.0-trainval' / f'{name}.json').write_text(json.dumps(records))
    return tmp_path


def read(root: Path) -> ProbeScans:
    return ProbeScans(KeyFrames(str(root), 'infos.pkl', num_sweeps=2), Grid(RANGE, VOXEL))


def test_labels_belong_to_their_points(root: Path) -> None:
    scan = read(root)[0]
    key = np.fromfile(root / 'samples/LIDAR_TOP/key.pcd.bin', np.float32).reshape(-1, 5)
    stored = np.fromfile(root / 'lidarseg/v1.0-trainval/seg.bin', np.uint8)
    inside = np.arange(40) % 3 != 0
    classes = {0: 0, 17: 4, 24: 11}
    assert scan.labels.tolist() == [classes[index] for index in stored[inside]]
    np.testing.assert_array_equal(scan.points[scan.key_rows, :3].numpy(), key[inside, :3])


def test_older_sweep_is_input_but_not_probed(root: Path) -> None:
    scan = read(root)[0]
    assert len(scan.points) == len(scan.labels) + 30
    assert (scan.points[scan.key_rows, 4] == 0).all(), 'time lag of the key frame'
    old = torch.ones(len(scan.points), dtype=torch.bool)
    old[scan.key_rows] = False
    torch.testing.assert_close(scan.points[old, 4], torch.full((30,), 0.05))


def test_iteration_ends(root: Path) -> None:
    assert len(list(read(root))) == 1


def test_labels_of_another_length_are_an_error(root: Path) -> None:
    np.zeros(39, np.uint8).tofile(root / 'lidarseg/v1.0-trainval/seg.bin')
    with pytest.raises(ValueError, match=r'seg\.bin: 39 labels for the 40 points'):
        read(root)[0]


def test_missing_labels_are_an_error(root: Path) -> None:
    (root / 'lidarseg/v1.0-trainval/seg.bin').unlink()
    with pytest.raises(FileNotFoundError, match=r'seg\.bin'):
        read(root)[0]
