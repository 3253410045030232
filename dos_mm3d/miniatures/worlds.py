"""The smallest data set of every kind, in its real form and converted, as tools/create_data.py leaves it.

Each function fills `folder`, in a few seconds, and gives the root that a config's `data_root` names. The fixtures of
conftest.py write each once for a test session; tools/check_configs.py writes them for its run."""

import shutil
from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np

from dos_mm3d.datasets.info_pickle import load_info_pickle
from dos_mm3d.datasets.kitti.convert import prepare_kitti
from dos_mm3d.datasets.nuscenes.convert import prepare_nuscenes
from dos_mm3d.datasets.scannet.convert import prepare_scannet
from dos_mm3d.datasets.semantickitti.convert import prepare_semantickitti
from dos_mm3d.datasets.waymo.convert import prepare_waymo
from dos_mm3d.datasets.waymo.gt_database import write_gt_database
from dos_mm3d.miniatures.kitti_writer import KittiPlan, write_kitti
from dos_mm3d.miniatures.nuscenes_writer import NuScenesPlan, write_nuscenes
from dos_mm3d.miniatures.object_world.writer import PreparedPlan, write_objects
from dos_mm3d.miniatures.scannet_writer import ScanNetPlan, write_scannet
from dos_mm3d.miniatures.semantickitti_writer import SemanticKittiPlan, write_semantickitti
from dos_mm3d.miniatures.waymo_writer import WaymoPlan, write_waymo


def nuscenes_world(folder: Path) -> Path:
    """2 train and 2 val scenes of 20 sweeps, 2 key frames each, with boxes and lidarseg labels."""
    write_nuscenes(folder, NuScenesPlan(seed=0, train_scenes=2, val_scenes=2, seconds=1.0), workers=2)
    prepare_nuscenes(folder)
    return folder


def kitti_world(folder: Path) -> Path:
    """2 frames to train on, 1 to validate and 1 to test (no labels) of some 8000 points, a scene each, with infos,
    reduced sweeps and box database."""
    write_kitti(
        folder, KittiPlan(seed=0, train_scenes=2, val_scenes=1, test_scenes=1, seconds=0.5, columns=160), workers=1
    )
    prepare_kitti(folder, workers=1)
    return folder


def semantickitti_world(folder: Path) -> Path:
    """Sequences 00, 01 (train), 08 (val) and 11 (test, no labels), 2 scans each of some 8000 points."""
    plan = SemanticKittiPlan(seed=0, train_sequences=2, test_sequences=1, seconds=0.2, columns=160)
    write_semantickitti(folder, plan, workers=1)
    prepare_semantickitti(folder)
    return folder


def waymo_world(folder: Path) -> Path:
    """2 training, 1 validation and 1 test segment (no labels), 2 frames each of some 13000 points of five lidars, with
    infos and box database; the first frame of each labelled segment has semantic labels."""
    plan = WaymoPlan(seed=0, train_segments=2, val_segments=1, test_segments=1, seconds=0.2, columns=200)
    write_waymo(folder, plan, workers=1)
    prepare_waymo(folder, workers=1)
    write_gt_database(folder, workers=1)
    return folder


def scannet_world(folder: Path) -> Path:
    """2 train scans, 1 val scan and 1 test scan (no labels) of some 5500 points: ScanNet and ScanNet200."""
    plan = ScanNetPlan(seed=0, train_scenes=2, val_scenes=1, test_scenes=1, views=12, spacing_m=0.1)
    write_scannet(folder, plan, workers=1)
    prepare_scannet(folder, workers=1)
    return folder


def objects_world(folder: Path) -> Path:
    """One object of each of the forty classes to train on, one to test, of 1100 points: sets `clean`, `obj_only`,
    `obj_bg`, `pb_t50_rs` and `parts`."""
    write_objects(folder, PreparedPlan(seed=0, train_objects=1, test_objects=1, points=1100), workers=1)
    return folder


def thin_nuscenes(root: Path, points: int, within_m: float = np.inf) -> Path:
    """Keep that many random points, with their labels, of every sweep of a nuScenes root; boxes stay.

    within_m: drop what is farther away; voxels of 5 cm in all that a LiDAR reaches are too many cells for a CPU."""
    rng = np.random.default_rng(0)
    for sweep in sorted(root.glob('sweeps/LIDAR_TOP/*.bin')):
        _thin(points, within_m, rng, sweep, columns=5)
    for split in ('train', 'val'):
        for info in load_info_pickle(root / f'nuscenes_infos_{split}.pkl')['data_list']:
            sweep = root / 'samples/LIDAR_TOP' / info['lidar_points']['lidar_path']
            mask = root / 'lidarseg/v1.0-trainval' / info['pts_semantic_mask_path']
            _thin(points, within_m, rng, sweep, columns=5, labels={mask: np.uint8})
    return root


def thin_semantickitti(root: Path, points: int, within_m: float = np.inf) -> Path:
    """The same for every labelled scan of a SemanticKITTI root."""
    rng = np.random.default_rng(0)
    for labels in sorted(root.glob('sequences/*/labels/*.label')):
        scan = labels.parents[1] / 'velodyne' / f'{labels.stem}.bin'
        _thin(points, within_m, rng, scan, columns=4, labels={labels: np.uint32})
    return root


def thin_waymo(root: Path, points: int, within_m: float = np.inf) -> Path:
    """The same for every frame of a Waymo root."""
    rng = np.random.default_rng(0)
    for frame in sorted(root.glob('*/velodyne/*.bin')):
        masks = [frame.parents[1] / kind / frame.name for kind in ('no_label_zone', 'semantic')]
        _thin(points, within_m, rng, frame, columns=6, labels={path: np.uint8 for path in masks if path.is_file()})
    return root


def _thin(
    points: int,
    within_m: float,
    rng: np.random.Generator,
    sweep: Path,
    columns: int,
    labels: Mapping[Path, type] | None = None,
) -> None:
    """Keep the same random rows, in order, of a sweep and of its label files (path -> type of a label)."""
    table = np.fromfile(sweep, np.float32).reshape(-1, columns)
    near = np.flatnonzero(np.linalg.norm(table[:, :3], axis=1) < within_m)
    kept = np.sort(rng.choice(near, min(points, len(near)), replace=False))
    table[kept].tofile(sweep)
    for path, kind in (labels or {}).items():
        np.fromfile(path, kind)[kept].tofile(path)


# name of a data set below data/ -> what writes its miniature
WORLDS: dict[str, Callable[[Path], Path]] = {
    'nuscenes': nuscenes_world,
    'kitti': kitti_world,
    'semantickitti': semantickitti_world,
    'waymo': waymo_world,
    'scannet': scannet_world,
    'objects': objects_world,
}
# those whose scans are still too large for networks of full size on a CPU
_THINNING: dict[str, Callable[[Path], Path]] = {
    'nuscenes': lambda root: thin_nuscenes(root, points=1200, within_m=25.0),
    'semantickitti': lambda root: thin_semantickitti(root, points=3000, within_m=25.0),
    'waymo': lambda root: thin_waymo(root, points=4000, within_m=25.0),
}


def config_world(name: str, folder: Path, whole: Path | None = None) -> Path:
    """The miniature that configs are checked on: written to `folder`, or copied there from `whole`, then thinned."""
    root = WORLDS[name](folder) if whole is None else Path(shutil.copytree(whole, folder))
    return _THINNING.get(name, lambda same: same)(root)
