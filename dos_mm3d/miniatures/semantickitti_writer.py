"""Writes the procedural world as SemanticKITTI sequences, seen by a 64-beam LiDAR ten times a second."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import numpy as np

from ..datasets.semantickitti.classes import SPLITS
from .lidar import HDL64E, Sweep, render
from .semantickitti_labels import raw_labels
from .shapes import rotation
from .staging import SyntheticPlan, render_all, write_data_set
from .world import Pose, Scene, build_scene

FRAME_PERIOD_S = 0.1
LIDAR_ON_CAR = Pose(np.eye(3), np.array([0.76, 0.0, 1.73]))
"""KITTI's mount: x forward, y left, z up, ahead of the rear axle and above the ground, metres."""
LIDAR_TO_CAMERA = Pose(rotation(-np.pi / 2, 0.0, -np.pi / 2).round().T, np.array([0.0, -0.08, -0.27]))
"""x right, y down, z forward, 0.27 m ahead of the LiDAR and 0.08 m below it."""
CAMERA = np.array([[718.856, 0.0, 607.1928, 0.0], [0.0, 718.856, 185.2157, 0.0], [0.0, 0.0, 1.0, 0.0]])


@dataclass(frozen=True)
class SemanticKittiPlan(SyntheticPlan):
    """The first sequences of the official lists of training and test, and 08, the validation split; those of the test
    split get no labels, as there. See :class:`SyntheticPlan`.

    columns: of a turn; fewer make small scans for tests."""

    KIND = {'format': 'semantickitti', 'generator': 1}

    train_sequences: int = 4
    test_sequences: int = 1
    seconds: float = 5.0
    columns: int = HDL64E.columns

    def __post_init__(self) -> None:
        super().__post_init__()
        self.check('train_sequences', 1, len(SPLITS['train']), 'official sequences')
        self.check('test_sequences', 0, len(SPLITS['test']), 'official sequences')
        self.check('seconds', 0.1, 20, 'roads are 190 m long')
        self.check('columns', 8, HDL64E.columns)

    @property
    def n_frames(self) -> int:
        """Scans of one sequence, ten a second."""
        return round(self.seconds / FRAME_PERIOD_S)

    def sequences(self) -> Iterator[tuple[str, str]]:
        """(split, official number) of every sequence."""
        counts = {'train': self.train_sequences, 'val': len(SPLITS['val']), 'test': self.test_sequences}
        for split, count in counts.items():
            yield from ((split, number) for number in SPLITS[split][:count])


def write_semantickitti(
    out: str | Path, plan: SemanticKittiPlan, *, workers: int | None = None, force: bool = False
) -> Path:
    """Write the sequences of a plan to `out`, as :func:`write_data_set` does; gives `out`."""
    return write_data_set(out, plan, partial(_write_sequences, plan, workers), force=force)


def _write_sequences(plan: SemanticKittiPlan, workers: int | None, root: Path) -> None:
    jobs = [(root, plan, split, number) for split, number in plan.sequences()]
    render_all(_write_sequence, jobs, unit='scan', units_per_job=plan.n_frames, workers=workers, warm_up=_warm_up)


def scene_of(plan: SemanticKittiPlan, split: str, number: str) -> Scene:
    """The world of a sequence: the training scenes' for those of 'train', validation's for the others."""
    index = SPLITS[split].index(number)
    world = ('train', index) if split == 'train' else ('val', index + (len(SPLITS['val']) if split == 'test' else 0))
    return replace(build_scene(plan.seed, *world, plan.seconds), lidar=LIDAR_ON_CAR)


def render_frame(plan: SemanticKittiPlan, scene: Scene, number: str, frame: int) -> Sweep:
    """Scan `frame` of a sequence."""
    sensor = replace(HDL64E, columns=plan.columns)
    return render(scene, frame * FRAME_PERIOD_S, plan.seed, (int(number), frame), sensor)


def _write_sequence(job: tuple[Path, SemanticKittiPlan, str, str]) -> None:
    root, plan, split, number = job
    scene, folder = scene_of(plan, split, number), root / 'sequences' / number
    (folder / 'velodyne').mkdir(parents=True)
    if split != 'test':
        (folder / 'labels').mkdir()
    for frame in range(plan.n_frames):
        sweep = render_frame(plan, scene, number, frame)
        points = sweep.points[:, :4].copy()
        points[:, 3] = remission(points[:, 3])
        points.tofile(folder / f'velodyne/{frame:06d}.bin')
        if split != 'test':
            raw_labels(scene, sweep, frame * FRAME_PERIOD_S).tofile(folder / f'labels/{frame:06d}.label')
    times_s = [frame * FRAME_PERIOD_S for frame in range(plan.n_frames)]
    (folder / 'times.txt').write_text(''.join(f'{t:.6e}\n' for t in times_s))
    (folder / 'calib.txt').write_text(_calibration())
    (folder / 'poses.txt').write_text(''.join(f'{number_text(pose)}\n' for pose in camera_poses(scene, times_s)))


def remission(intensity: np.ndarray) -> np.ndarray:
    """Intensity 0-255 as KITTI has it: float32, hundredths from 0 to 0.99."""
    return (np.minimum(np.rint(intensity * (100 / 255)), 99) / 100).astype(np.float32)


def camera_poses(scene: Scene, times_s: list[float]) -> list[np.ndarray]:
    """(3, 4) left camera -> left camera of the first scan, for every scan, as poses.txt has it."""
    camera_to_lidar = LIDAR_TO_CAMERA.inverse()
    to_first = LIDAR_TO_CAMERA.after(scene.lidar_pose(times_s[0]).inverse())
    poses = [to_first.after(scene.lidar_pose(t)).after(camera_to_lidar) for t in times_s]
    return [pose_matrix(pose) for pose in poses]


def _calibration() -> str:
    """calib.txt: four cameras, all alike and in one place, and LiDAR -> camera."""
    rows = [(f'P{i}', CAMERA) for i in range(4)] + [('Tr', pose_matrix(LIDAR_TO_CAMERA))]
    return ''.join(f'{name}: {number_text(matrix)}\n' for name, matrix in rows)


def pose_matrix(pose: Pose) -> np.ndarray:
    """(3, 4) of a pose."""
    return np.column_stack([pose.turn, pose.origin])


def number_text(matrix: np.ndarray) -> str:
    """A row of a calibration. Rounded, so that the last bits of a sum do not show; + 0.0 turns -0 into 0."""
    return ' '.join(f'{value:.12e}' for value in (matrix.round(9) + 0.0).reshape(-1))


def _warm_up() -> None:
    plan = SemanticKittiPlan(columns=8)
    scene = scene_of(plan, 'train', '00')
    raw_labels(scene, render_frame(plan, scene, '00', 0), 0.0)
