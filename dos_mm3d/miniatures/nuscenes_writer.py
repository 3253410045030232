"""Writes the procedural world as a nuScenes v1.0-trainval data set: parallel over scenes, whole or not at all."""

import io
import json
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from nuscenes.utils import splits
from PIL import Image

from ..cpu.boxes import count_points_in_boxes
from .lidar import Sweep, render
from .naming import VERSION, SceneName, is_key_frame, token
from .nuscenes_tables import CAMERA_YAW_DEG, TABLES, Observation, Records, scene_tables, shared_tables
from .staging import SyntheticPlan, render_all, write_data_set
from .world import SWEEP_PERIOD_S, Scene, build_scene


@dataclass(frozen=True)
class NuScenesPlan(SyntheticPlan):
    """Numbers of scenes and their length, see :class:`SyntheticPlan`.

    Args:
        train_scenes, val_scenes: numbers of scenes.
        seconds: length of a scene, 20 sweeps each; every tenth is a key frame.
        last_sweeps: of a scene only these are written; None: all. With 0.5 s and 2 of them, many scenes of one key
            frame, and the sweep before it, cost little.
    """

    KIND = {'generator': 2}

    train_scenes: int = 40
    val_scenes: int = 12
    seconds: float = 2.5
    last_sweeps: int | None = None

    def __post_init__(self) -> None:
        super().__post_init__()
        self.check('train_scenes', 1, len(splits.train), 'official scene names')
        self.check('val_scenes', 1, len(splits.val), 'official scene names')
        self.check('seconds', 0.5, 20, 'a key frame or more, roads are 190 m long')
        if self.last_sweeps is not None:
            self.check('last_sweeps', 1, self.n_sweeps, 'those of a scene')

    def manifest(self) -> dict[str, Any]:
        """Without what is not limited: folders that were written before there was such a limit are known again."""
        return {name: value for name, value in super().manifest().items() if value is not None}

    @property
    def n_sweeps(self) -> int:
        """Sweeps of one scene, 20 a second."""
        return round(self.seconds / SWEEP_PERIOD_S)

    @property
    def sweeps(self) -> range:
        """Numbers of the sweeps of a scene that are written."""
        return range(self.n_sweeps - (self.last_sweeps or self.n_sweeps), self.n_sweeps)

    def scenes(self) -> list[tuple[str, int, SceneName]]:
        """(split, index in it, name) of every scene, in the order of the tables."""
        names = [('train', i, splits.train[i]) for i in range(self.train_scenes)]
        names += [('val', i, splits.val[i]) for i in range(self.val_scenes)]
        return [(split, i, SceneName(self.seed, name, number)) for number, (split, i, name) in enumerate(names)]


def write_nuscenes(out: str | Path, plan: NuScenesPlan, *, workers: int | None = None, force: bool = False) -> Path:
    """Write the scenes of a plan to `out`, as :func:`write_data_set` does; gives `out`."""
    return write_data_set(out, plan, partial(_write_scenes, plan, workers), force=force)


def _write_scenes(plan: NuScenesPlan, workers: int | None, root: Path) -> None:
    _make_folders(root)
    jobs = [(root, plan.sweeps, *scene) for scene in plan.scenes()]
    number = len(plan.sweeps)
    parts = render_all(_write_scene, jobs, unit='sweep', units_per_job=number, workers=workers, warm_up=_warm_up)
    _write_tables(root, plan, parts)


def _make_folders(root: Path) -> None:
    channels = ['LIDAR_TOP', *CAMERA_YAW_DEG]
    folders = [f'samples/{channel}' for channel in channels] + [
        'sweeps/LIDAR_TOP',
        'maps',
        VERSION,
        f'lidarseg/{VERSION}',
    ]
    for folder in folders:
        (root / folder).mkdir(parents=True)


def _warm_up() -> None:
    scene = build_scene(0, 'train', 0, 1.0)
    sweep = render(scene, 0.0, 0, (0,))
    _observe(scene, sweep, 0.0)


def _observe(scene: Scene, sweep: Sweep, t: float) -> Observation:
    """Count the points inside every annotated box."""
    boxes, pose = scene.boxes(t), scene.lidar_pose(t)
    counts = count_points_in_boxes(sweep.points[:, :3].astype(np.float64) @ pose.turn.T + pose.origin, boxes)
    visible = np.zeros(len(boxes))
    visible[: len(sweep.visible) - 2] = sweep.visible[2:]
    return Observation(boxes, counts, visible)


def _write_scene(job: tuple[Path, range, str, int, SceneName]) -> Records:
    """Render and write one scene; returns its records."""
    root, sweeps, split, index, who = job
    scene = build_scene(who.seed, split, index, sweeps.stop * SWEEP_PERIOD_S)
    observations = []
    image = _tiny_jpeg()
    for number in sweeps:
        t = number * SWEEP_PERIOD_S
        sweep = render(scene, t, who.seed, (who.number, 1 if split == 'val' else 0, number))
        sweep.points.tofile(root / who.lidar_file(number))
        if not is_key_frame(number):
            continue
        sweep.label.tofile(root / who.lidarseg_file(number))
        for channel in CAMERA_YAW_DEG:
            (root / who.camera_file(channel, number)).write_bytes(image)
        observations.append(_observe(scene, sweep, t))
    return scene_tables(scene, who, sweeps, observations)


def _write_tables(root: Path, plan: NuScenesPlan, parts: list[Records]) -> None:
    """All json tables and the map image."""
    logs = [record['token'] for part in parts for record in part['log']]
    shared = shared_tables(plan.seed, logs)
    for name in TABLES:
        records = shared.get(name) or [record for part in parts for record in part[name]]
        (root / VERSION / f'{name}.json').write_text(json.dumps(records, indent=0))
    mask = Image.fromarray(np.full((64, 64), 255, np.uint8))
    mask.save(root / 'maps' / f'{token(plan.seed, "map")}.png')


def _tiny_jpeg() -> bytes:
    """A grey 16 x 9 image: the converter wants a file for every camera record, nothing looks at it."""
    buffer = io.BytesIO()
    Image.fromarray(np.full((9, 16, 3), 127, np.uint8)).save(buffer, 'JPEG')
    return buffer.getvalue()
