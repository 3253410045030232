"""The embedded SemanticKITTI: as mmdet3d reads it, its beams, poses and labels, and how it is written."""

import hashlib
import json
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from mmdet3d.datasets import SemanticKittiDataset
from mmdet3d.registry import DATASETS
from mmengine.config import Config
from scipy.spatial import cKDTree

import dos_mm3d  # noqa: F401  (registers our classes)
from dos_mm3d.cli import create_synthetic
from dos_mm3d.datasets.semantickitti.classes import (
    RAW_ID,
    RAW_LABELS,
    SPLITS,
    THINGS,
    split_labels,
)
from dos_mm3d.functional.intensity import rank_intensity
from dos_mm3d.miniatures import semantickitti_writer
from dos_mm3d.miniatures.nuscenes_writer import NuScenesPlan
from dos_mm3d.miniatures.semantickitti_labels import OF_CATEGORY
from dos_mm3d.miniatures.semantickitti_writer import SemanticKittiPlan, write_semantickitti
from dos_mm3d.miniatures.staging import MANIFEST
from dos_mm3d.miniatures.taxonomy import CATEGORY_OF

ROOT = Path(__file__).parents[2]
CONFIGS = sorted((ROOT / 'configs/segmentation').glob('*semantickitti*.py'))
SMALL = SemanticKittiPlan(seed=5, train_sequences=1, test_sequences=1, seconds=0.2, columns=32)
DENSE = SemanticKittiPlan(seed=0, train_sequences=1, test_sequences=0, seconds=0.2)


@pytest.fixture(scope='module')
def dense(tmp_path_factory) -> Path:
    """Sequences 00 and 08 with the sensor's full resolution."""
    return write_semantickitti(tmp_path_factory.mktemp('dense') / 'kitti', DENSE, workers=1)


def scan(root: Path, number: str, frame: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Points (N, 4), class and instance numbers (N,)."""
    folder = root / 'sequences' / number
    raw = np.fromfile(folder / f'labels/{frame:06d}.label', np.uint32)
    return np.fromfile(folder / f'velodyne/{frame:06d}.bin', np.float32).reshape(-1, 4), *split_labels(raw)


def lidar_poses(folder: Path) -> list[np.ndarray]:
    """(4, 4) LiDAR -> LiDAR of the first scan, by the formula of the official API: inv(Tr) P Tr."""
    calibration = dict(line.split(':') for line in (folder / 'calib.txt').read_text().splitlines())
    assert sorted(calibration) == ['P0', 'P1', 'P2', 'P3', 'Tr']

    def matrix(text: str) -> np.ndarray:
        return np.vstack([np.array(text.split(), float).reshape(3, 4), [0, 0, 0, 1]])

    tr = matrix(calibration['Tr'])
    return [np.linalg.inv(tr) @ matrix(line) @ tr for line in (folder / 'poses.txt').read_text().splitlines()]


@pytest.mark.parametrize('path', CONFIGS, ids=lambda path: path.stem)
def test_mmdet3ds_data_set_and_pipelines_read_it(path, synthetic_semantickitti):
    cfg = Config.fromfile(path)
    for loader, number in ((cfg.train_dataloader, '00'), (cfg.test_dataloader, '08')):
        loader.dataset.data_root = f'{synthetic_semantickitti}/'
        dataset = DATASETS.build(loader.dataset)
        assert type(dataset) is SemanticKittiDataset and len(dataset) == (4 if number == '00' else 2)
        item = dataset[0]
        points, raw, _ = scan(synthetic_semantickitti, number, 0)
        found = item['data_samples'].gt_pts_seg.pts_semantic_mask.numpy()
        if number == '08' or path.stem.startswith('ptv3'):  # the others' training mixes scans
            assert item['inputs']['points'].shape == points.shape
            assert np.array_equal(found, [cfg.labels_map[int(label)] for label in raw])
        if number == '08':
            if path.stem.endswith('_zoo'):  # its weights are fed ranks
                points[:, 3] = rank_intensity(torch.from_numpy(points[:, 3].copy()))
            assert np.array_equal(item['inputs']['points'].numpy(), points)


def test_beams_are_those_of_the_hdl_64e(dense):
    points, *_ = scan(dense, '00', 0)
    xyz = points[:, :3].astype(float)
    distance = np.linalg.norm(xyz, axis=1)
    elevation = np.degrees(np.arcsin(xyz[:, 2] / distance))
    beams = np.array([2 - k / 3 for k in range(32)] + [-8.83 - k / 2 for k in range(32)])
    nearest = np.abs(elevation[:, None] - beams[None]).argmin(1)
    assert np.abs(elevation - beams[nearest]).max() < 0.005  # the data sheet's angles are rounded to 0.01
    assert len(np.unique(nearest)) == 64
    assert 80_000 < len(points) < 64 * 2083 and distance.max() < 81
    hundredths = points[:, 3].astype(float) * 100
    assert np.abs(hundredths - hundredths.round()).max() < 1e-4
    assert points[:, 3].min() == 0 and points[:, 3].max() == np.float32(0.99) and 0.05 < points[:, 3].mean() < 0.5
    ground = xyz[(distance < 8) & np.isin(scan(dense, '00', 0)[1], [RAW_ID['road'], RAW_ID['parking']]), 2]
    assert abs(np.median(ground) + 1.73) < 0.15


def test_static_points_of_consecutive_scans_agree_by_poses_and_calibration(dense):
    """x forward: the car moves along it. Each road point of scan 1 lies on the plane through its neighbours in scan
    0."""
    residuals, moved = [], 0
    for number in ('00', '08'):
        first, second = lidar_poses(dense / 'sequences' / number)
        assert np.allclose(first, np.eye(4), atol=1e-8)
        moved = max(moved, second[0, 3])
        assert abs(second[1, 3]) < 0.05 * second[0, 3] + 0.03
        (before, label0, _), (now, label1, _) = scan(dense, number, 0), scan(dense, number, 1)
        road = [RAW_ID['road'], RAW_ID['parking'], RAW_ID['lane-marking']]
        before = before[np.isin(label0, road), :3].astype(float)
        here = now[np.isin(label1, road), :3].astype(float) @ second[:3, :3].T + second[:3, 3]
        here = here[np.linalg.norm(here, axis=1) < 10][::5]
        distance, rows = cKDTree(before[:, :2]).query(here[:, :2], k=6)
        around = before[rows]
        level = (np.ptp(around[:, :, 2], axis=1) < 0.15) & (distance[:, -1] < 0.6)
        residuals.append(np.abs(here[level, 2] - around[level].mean(1)[:, 2]))
    residuals = np.concatenate(residuals)
    assert moved > 0.3 and len(residuals) > 500
    assert np.percentile(residuals, 95) < 0.05
    assert len((dense / 'sequences/00/times.txt').read_text().split()) == 2


def test_labels_are_official_and_every_class_of_the_benchmark_is_met(dense):
    labels_map = Config.fromfile(CONFIGS[0]).labels_map
    met = set()
    for number in ('00', '08'):
        for frame in range(2):
            points, semantic, instance = scan(dense, number, frame)
            assert len(points) == len(semantic) and set(semantic) <= RAW_LABELS.keys()
            assert np.array_equal(instance > 0, np.isin(semantic, THINGS))
            met |= set(semantic.tolist())
    assert {labels_map[raw] for raw in met} == set(range(20)), [RAW_LABELS[raw] for raw in met]
    assert {'moving-car', 'car', 'lane-marking', 'trunk'} <= {RAW_LABELS[raw] for raw in met}
    assert set(CATEGORY_OF.values()) <= set(OF_CATEGORY)


def test_parts_are_where_they_belong(dense):
    """Riders sit on their cycle's instance, trunks stand under foliage, markings and parking lie on the road."""
    n_riders = 0
    for number in ('00', '08'):
        points, semantic, instance = scan(dense, number, 0)
        names = np.array([RAW_LABELS[raw].removeprefix('moving-') for raw in semantic])
        for cycle, rider in (('bicycle', 'bicyclist'), ('motorcycle', 'motorcyclist')):
            for i in np.unique(instance[names == rider]):
                mine = instance == i
                assert set(names[mine]) <= {cycle, rider}
                if (names[mine] == cycle).any():
                    n_riders += 1
                    assert points[mine & (names == rider), 2].max() > points[mine & (names == cycle), 2].max()
        assert all(len(set(names[instance == i])) == 1 for i in np.unique(instance[names == 'car']))
        assert points[names == 'trunk', 2].mean() < points[names == 'vegetation', 2].mean()
        road = cKDTree(points[names == 'road', :2])
        for kind in ('lane-marking', 'parking'):
            xyz = points[(names == kind) & (np.linalg.norm(points[:, :2], axis=1) < 15), :3]
            gap, row = road.query(xyz[:, :2])
            near = gap < 0.3
            height = points[names == 'road', 2][row[near]]
            assert near.sum() > 20 and np.percentile(np.abs(xyz[near, 2] - height), 95) < 0.06
    assert n_riders


def test_instances_keep_their_numbers_and_only_moving_ones_move(dense):
    shifts = {'car': [], 'moving-car': []}
    pose = lidar_poses(dense / 'sequences/00')[1]
    (before, semantic0, instance0), (now, semantic1, instance1) = scan(dense, '00', 0), scan(dense, '00', 1)
    now = now[:, :3] @ pose[:3, :3].T + pose[:3, 3]
    for name, found in shifts.items():
        for i in np.unique(instance0[semantic0 == RAW_ID[name]]):
            here, there = before[(instance0 == i), :3], now[instance1 == i]
            if min(len(here), len(there)) > 200:
                assert set(semantic1[instance1 == i]) == {RAW_ID[name]}
                found.append(np.linalg.norm(np.median(here, 0) - np.median(there, 0)))
    assert len(shifts['car']) > 2 and np.median(shifts['car']) < 0.15
    assert shifts['moving-car'] and np.median(shifts['moving-car']) > 0.25


def digest(root: Path) -> str:
    whole = hashlib.sha256()
    for path in sorted(path for path in root.rglob('*') if path.is_file()):
        whole.update(str(path.relative_to(root)).encode() + path.read_bytes())
    return whole.hexdigest()


def test_every_byte_depends_on_the_seed_alone(tmp_path):
    first, second, other = (
        digest(write_semantickitti(tmp_path / name, plan, workers=workers))
        for name, plan, workers in (
            ('a', SMALL, 1),
            ('b', SMALL, 3),
            ('c', SemanticKittiPlan(**{**SMALL.__dict__, 'seed': 6}), 1),
        )
    )
    assert first == second != other
    assert sorted(path.name for path in (tmp_path / 'a/sequences').iterdir()) == ['00', '08', '11']
    assert not (tmp_path / 'a/sequences/11/labels').exists()


def test_a_run_that_dies_leaves_nothing_that_looks_whole(tmp_path, monkeypatch):
    labels, calls = semantickitti_writer.raw_labels, []

    def dies(*args):
        calls.append(args)
        if len(calls) == 3:
            raise KeyboardInterrupt
        return labels(*args)

    monkeypatch.setattr(semantickitti_writer, 'raw_labels', dies)
    out = tmp_path / 'kitti'
    with pytest.raises(KeyboardInterrupt):
        write_semantickitti(out, SMALL, workers=1)
    partial = tmp_path / 'kitti.partial'
    assert list(partial.rglob('*.bin')) and not (partial / MANIFEST).exists() and not out.exists()
    write_semantickitti(out, SMALL, workers=1)
    assert (out / MANIFEST).is_file() and not partial.exists()
    written = len(calls)
    write_semantickitti(out, SMALL, workers=1)
    assert len(calls) == written, 'reused'


def test_other_data_sets_are_not_replaced(synthetic_semantickitti, tmp_path):
    (tmp_path / MANIFEST).write_text(json.dumps(NuScenesPlan().manifest()))
    for root in (tmp_path, synthetic_semantickitti):
        with pytest.raises(FileExistsError, match='holds another synthetic data set'):
            write_semantickitti(root, SMALL)


@pytest.mark.parametrize(
    'wrong', [dict(train_sequences=11), dict(test_sequences=-1), dict(seconds=0), dict(columns=4), dict(seed=-1)]
)
def test_impossible_sizes_are_refused(wrong):
    with pytest.raises(ValueError, match=next(iter(wrong))):
        SemanticKittiPlan(**wrong)


def test_the_tool_has_both_formats(tmp_path, monkeypatch, capsys):
    sizes = ['--train-scenes', '1', '--test-scenes', '0', '--seconds', '0.1', '--columns', '8', '--workers', '1']
    command = ['create_synthetic.py', '--format', 'semantickitti', '--out', str(tmp_path / 'kitti')]
    monkeypatch.setattr(sys, 'argv', [*command, *sizes])
    create_synthetic.main()
    assert sorted(path.name for path in (tmp_path / 'kitti/sequences').iterdir()) == ['00', *SPLITS['val']]
    monkeypatch.setattr(sys, 'argv', [*command, '--val-scenes', '2'])
    with pytest.raises(ValueError, match=r'--format semantickitti has no option val_scenes; it has seed, train_scenes'):
        create_synthetic.main()
