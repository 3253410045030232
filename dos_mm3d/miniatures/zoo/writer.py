"""Writes the varied world scene by scene: a folder each, whole or not at all, so that a killed run goes on."""

import json
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np

from ...errors import InputError, OutputExistsError
from ...files import check_writable, whole_folder, write_json
from ...parallel import parallel_map
from ..staging import MANIFEST, SyntheticPlan
from ..taxonomy import LIDARSEG_CATEGORIES
from .echo import render_frame
from .scene import ZooScene, build_zoo_scene

FRAME_GAP_S = 0.5
"""Between two frames of a scene, as between key frames of nuScenes."""
SLOWEST_TURN_S = 0.1
POINT_COLUMNS = ('x', 'y', 'z', 'intensity', 'time_lag_s')


@dataclass(frozen=True)
class ZooPlan(SyntheticPlan):
    """What is asked for of every scene; see :class:`SyntheticPlan`. How many scenes is no part of it: more can be
    added later.

    frames: of a scene, half a second apart. sweeps: what each frame of a scene merges, one of these numbers, drawn by
    scene. most_points: of a frame, others are left out at random. labels: written beside the points."""

    KIND = {'format': 'zoo_world', 'generator': 2}

    frames: int = 2
    sweeps: tuple[int, ...] = (1, 10)
    most_points: int = 200_000
    labels: bool = False

    def __post_init__(self) -> None:
        super().__post_init__()
        self.check('frames', 1, 4, 'streets are 190 m long')
        self.check('most_points', 1000, 10_000_000)
        if not self.sweeps or min(self.sweeps) < 1 or max(self.sweeps) > 10:
            raise InputError(f'sweeps must be numbers from 1 to 10, got {self.sweeps}')

    def manifest(self) -> dict:
        """As JSON has it: tuples are lists."""
        return json.loads(json.dumps({**super().manifest(), 'columns': POINT_COLUMNS, 'classes': LIDARSEG_CATEGORIES}))


def write_zoo_world(out: str | Path, plan: ZooPlan, scenes: int, *, workers: int | None = None) -> int:
    """Write the scenes 0 to scenes - 1 that are not there yet into `out`; says how many it wrote.

    OutputExistsError where `out` holds a world of another plan, or something else."""
    if scenes < 1:
        raise InputError(f'scenes must be 1 or more, got {scenes}')
    out = Path(out)
    _claim(out, plan)
    jobs = [index for index in range(scenes) if not _folder(out, index).is_dir()]
    if workers != 1 and len(jobs) > 1:
        _warm_up()  # compiles before processes are forked, instead of once in each
    parallel_map(partial(write_scene, out, plan), jobs, what='zoo world', unit='scene', workers=workers)
    return len(jobs)


def write_scene(out: Path, plan: ZooPlan, index: int) -> None:
    """One folder: frames, labels where they are wanted, and what the scene is."""
    sweeps, zoo, rng = draw_scene(plan, index)
    with whole_folder(_folder(out, index)) as folder:
        for frame in range(plan.frames):
            points, labels = render_frame(zoo, _time_s(frame, sweeps), sweeps, rng)
            if len(points) > plan.most_points:
                kept = np.sort(rng.choice(len(points), plan.most_points, replace=False))
                points, labels = points[kept], labels[kept]
            points.tofile(folder / f'frame_{frame:02d}.bin')
            if plan.labels:
                labels.tofile(folder / f'frame_{frame:02d}.label')
        write_json(folder / 'scene.json', _description(plan, zoo, sweeps, index))


def draw_scene(plan: ZooPlan, index: int) -> tuple[int, ZooScene, np.random.Generator]:
    """Sweeps of a frame, the scene, and the generator of its noise: functions of the plan and the index."""
    rng = np.random.default_rng([plan.seed, index, 1])
    sweeps = int(rng.choice(plan.sweeps))
    zoo = build_zoo_scene(plan.seed, index, sweeps, _time_s(plan.frames - 1, sweeps))
    return sweeps, zoo, rng


def _time_s(frame: int, sweeps: int) -> float:
    """Of the newest sweep of a frame, the oldest of the first being at 0."""
    return (sweeps - 1) * SLOWEST_TURN_S + frame * FRAME_GAP_S


def _folder(out: Path, index: int) -> Path:
    return out / f'scene_{index:06d}'


def _description(plan: ZooPlan, zoo: ZooScene, sweeps: int, index: int) -> dict:
    rig = zoo.rig
    return {
        'seed': plan.seed,
        'scene': index,
        'street': zoo.street.kind,
        'sensor': rig.name,
        'beams': len(rig.sensor.elevations_rad),
        'columns': rig.sensor.columns,
        'height_m': round(rig.height_m, 3),
        'sweeps': sweeps,
        'turn_s': rig.period_s,
        'ego_speed_mps': round(zoo.scene.ego_speed_mps, 3),
    }


def _claim(out: Path, plan: ZooPlan) -> None:
    """Write down what the folder is made from, or check that it is the same."""
    manifest, wanted = out / MANIFEST, plan.manifest()
    if not manifest.is_file():
        if out.exists() and (not out.is_dir() or any(out.iterdir())):
            raise OutputExistsError(f'{out} exists and has no {MANIFEST}: not a synthetic data set. Choose another.')
        check_writable(out)
        write_json(manifest, wanted)
        return
    try:
        found = json.loads(manifest.read_text())
    except ValueError as error:
        raise OutputExistsError(f'{manifest}: no whole JSON ({error}). Choose another folder.') from error
    if not isinstance(found, dict):
        raise OutputExistsError(f'{manifest}: not of a synthetic data set. Choose another folder.')
    if found != wanted:
        differ = sorted(key for key in {*found, *wanted} if found.get(key) != wanted.get(key))
        raise OutputExistsError(
            f'{out} holds another world: {", ".join(f"{key} is {found.get(key)}" for key in differ)}; wanted '
            f'{", ".join(f"{key} {wanted.get(key)}" for key in differ)}. Choose another folder.'
        )


def _warm_up() -> None:
    render_frame(build_zoo_scene(0, 0, 1, 0.0, 'VLP-16'), 0.0, 1, np.random.default_rng(0))
