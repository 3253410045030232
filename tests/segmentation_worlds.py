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


def fabricated_semantickitti(out: Path, frames: int = 2) -> Path:
    """SemanticKITTI's folders and mmdet3d's infos: a plane (road) with boxes (cars), random in detail.

    Labels are uint32, class in the lower half, instance in the upper."""
    rng = np.random.default_rng(0)
    for split, sequence in (('train', '00'), ('val', '08')):
        data_list = []
        for frame in range(frames):
            stem = f'{frame:06d}'
            car = rng.random(POINTS) < 0.3
            xyz = rng.uniform([-12, -12, -1.8], [12, 12, -1.7], (POINTS, 3))
            xyz[car] = rng.uniform([3, -2, -1.7], [7, 2, -0.2], (car.sum(), 3))
            points = np.column_stack((xyz, rng.random(POINTS))).astype(np.float32)
            raw = np.where(car, 10, 40).astype(np.uint32) | (np.where(car, 3, 0).astype(np.uint32) << 16)
            raw[::9] = 0  # unlabelled
            for kind, table, suffix in (('velodyne', points, 'bin'), ('labels', raw, 'label')):
                path = out / 'sequences' / sequence / kind / f'{stem}.{suffix}'
                path.parent.mkdir(parents=True, exist_ok=True)
                table.tofile(path)
            data_list.append(
                {
                    'lidar_points': {'lidar_path': f'sequences/{sequence}/velodyne/{stem}.bin', 'num_pts_feats': 4},
                    'pts_semantic_mask_path': f'sequences/{sequence}/labels/{stem}.label',
                    'sample_id': f'{int(sequence)}{frame}',
                }
            )
        with (out / f'semantickitti_infos_{split}.pkl').open('wb') as file:
            pickle.dump({'metainfo': {'DATASET': 'SemanticKITTI'}, 'data_list': data_list}, file)
    return out
