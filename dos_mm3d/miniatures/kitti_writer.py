"""Writes the procedural world as KITTI's object data: single frames of a 64-beam LiDAR, boxes where a camera looks.

No images are written."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import numpy as np

from ..datasets.kitti.layout import SPLITS
from .kitti_labels import CAMERA, label_lines
from .lidar import HDL64E, Sweep, render
from .semantickitti_writer import LIDAR_ON_CAR, LIDAR_TO_CAMERA, number_text, pose_matrix, remission
from .staging import SyntheticPlan, render_all, write_data_set
from .world import Scene, build_scene

FRAME_PERIOD_S = 0.5


@dataclass(frozen=True)
class KittiPlan(SyntheticPlan):
    """Scenes of the three lists of frames; those of the test list get no labels, as there. See :class:`SyntheticPlan`.

    seconds: of a scene, a frame every half second. columns: of a turn; fewer make small sweeps for tests."""

    KIND = {'format': 'kitti', 'generator': 1}

    train_scenes: int = 20
    val_scenes: int = 6
    test_scenes: int = 1
    seconds: float = 2.5
    columns: int = HDL64E.columns

    def __post_init__(self) -> None:
        super().__post_init__()
        self.check('train_scenes', 1, 10_000)
        self.check('val_scenes', 1, 10_000)
        self.check('test_scenes', 0, 10_000)
        self.check('seconds', 0.5, 20, 'roads are 190 m long')
        self.check('columns', 8, HDL64E.columns)

    @property
    def n_frames(self) -> int:
        """Of one scene."""
        return round(self.seconds / FRAME_PERIOD_S)

    def scenes(self) -> Iterator[tuple[str, int, range]]:
        """(split, number of the scene in it, numbers of its frames in their folder) of every scene."""
        counts, first = {'train': self.train_scenes, 'val': self.val_scenes, 'test': self.test_scenes}, {}
        for split, count in counts.items():
            for index in range(count):
                start = first.get(SPLITS[split], 0)
                first[SPLITS[split]] = start + self.n_frames
                yield split, index, range(start, start + self.n_frames)


def write_kitti(out: str | Path, plan: KittiPlan, *, workers: int | None = None, force: bool = False) -> Path:
    """Write the frames of a plan to `out`, as :func:`write_data_set` does; gives `out`."""
    return write_data_set(out, plan, partial(_write_scenes, plan, workers), force=force)


def _write_scenes(plan: KittiPlan, workers: int | None, root: Path) -> None:
    lists: dict[str, list[str]] = {split: [] for split in SPLITS}
    for split, _, numbers in plan.scenes():
        lists[split] += [f'{number:06d}\n' for number in numbers]
    for split, part in SPLITS.items():
        for kind in ('velodyne', 'calib', *(() if split == 'test' else ('label_2',))):
            (root / part / kind).mkdir(parents=True, exist_ok=True)
    (root / 'ImageSets').mkdir()
    for split, lines in lists.items():
        if lines:
            (root / 'ImageSets' / f'{split}.txt').write_text(''.join(lines))
    jobs = [(root, plan, *scene) for scene in plan.scenes()]
    render_all(_write_scene, jobs, unit='frame', units_per_job=plan.n_frames, workers=workers, warm_up=_warm_up)


def scene_of(plan: KittiPlan, split: str, index: int) -> Scene:
    """The world of a scene: the training scenes' for 'train', validation's for the others."""
    number = index + (plan.val_scenes if split == 'test' else 0)
    scene = build_scene(plan.seed, 'train' if split == 'train' else 'val', number, plan.seconds)
    return replace(scene, lidar=LIDAR_ON_CAR)


def render_frame(plan: KittiPlan, scene: Scene, key: tuple[int, int], t: float) -> Sweep:
    """The sweep of a scene at t seconds; key: of its folder and number, for the noise."""
    return render(scene, t, plan.seed, key, replace(HDL64E, columns=plan.columns))


def _write_scene(job: tuple[Path, KittiPlan, str, int, range]) -> None:
    root, plan, split, index, numbers = job
    scene, folder = scene_of(plan, split, index), root / SPLITS[split]
    for place, number in enumerate(numbers):
        t = place * FRAME_PERIOD_S
        sweep = render_frame(plan, scene, (int(split == 'test'), number), t)
        points = sweep.points[:, :4].copy()
        points[:, 3] = remission(points[:, 3])
        points.tofile(folder / f'velodyne/{number:06d}.bin')
        (folder / f'calib/{number:06d}.txt').write_text(_calibration())
        if split != 'test':
            (folder / f'label_2/{number:06d}.txt').write_text(''.join(f'{x}\n' for x in label_lines(scene, sweep, t)))


def _calibration() -> str:
    """Four cameras, all alike and in one place, that need no rectification; the IMU is in the LiDAR's place."""
    still = np.eye(3, 4)
    rows = {f'P{i}': CAMERA for i in range(4)}
    rows |= {'R0_rect': np.eye(3), 'Tr_velo_to_cam': pose_matrix(LIDAR_TO_CAMERA), 'Tr_imu_to_velo': still}
    return ''.join(f'{name}: {number_text(matrix)}\n' for name, matrix in rows.items()) + '\n'


def _warm_up() -> None:
    plan = KittiPlan(columns=8)
    scene = scene_of(plan, 'train', 0)
    label_lines(scene, render_frame(plan, scene, (0, 0), 0.0), 0.0)
