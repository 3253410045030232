"""Tiny labelled data sets in the real formats, for the tests of segmentation."""

import pickle
import shutil
from pathlib import Path

import numpy as np

POINTS = 900


def trimmed_nuscenes(full: Path, out: Path) -> Path:
    """A nuScenes root like ``full`` whose key frames keep POINTS random points, with their labels."""
    rng = np.random.default_rng(0)
    for folder in ('samples/LIDAR_TOP', 'lidarseg/v1.0-trainval', 'v1.0-trainval'):
        (out / folder).mkdir(parents=True)
    for file in [*full.glob('nuscenes_infos_*.pkl'), *full.glob('v1.0-trainval/*.json')]:
        shutil.copy(file, out / file.relative_to(full))
    for split in ('train', 'val'):
        with (full / f'nuscenes_infos_{split}.pkl').open('rb') as file:
            infos = pickle.load(file)
        for info in infos['data_list']:
            sweep = f'samples/LIDAR_TOP/{info["lidar_points"]["lidar_path"]}'
            mask = f'lidarseg/v1.0-trainval/{info["pts_semantic_mask_path"]}'
            points = np.fromfile(full / sweep, np.float32).reshape(-1, 5)
            kept = np.sort(rng.choice(len(points), POINTS, replace=False))
            points[kept].tofile(out / sweep)
            np.fromfile(full / mask, np.uint8)[kept].tofile(out / mask)
    return out


def trimmed_semantickitti(full: Path, out: Path) -> Path:
    """A SemanticKITTI root like ``full`` whose labelled scans keep POINTS random points, with their labels."""
    rng = np.random.default_rng(0)
    for labels in sorted(full.glob('sequences/*/labels/*.label')):
        scan = labels.parents[1] / 'velodyne' / f'{labels.stem}.bin'
        points = np.fromfile(scan, np.float32).reshape(-1, 4)
        kept = np.sort(rng.choice(len(points), POINTS, replace=False))
        for path, table in ((scan, points), (labels, np.fromfile(labels, np.uint32))):
            (out / path.relative_to(full)).parent.mkdir(parents=True, exist_ok=True)
            table[kept].tofile(out / path.relative_to(full))
    for file in full.glob('semantickitti_infos_*.pkl'):
        shutil.copy(file, out / file.name)
    return out
