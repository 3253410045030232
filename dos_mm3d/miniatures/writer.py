"""Writes the procedural world as a nuScenes v1.0-trainval data set: parallel over scenes, whole or not at all."""

import io
import json
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
from nuscenes.utils import splits
from PIL import Image

from ..errors import InputError
from .lidar import Sweep, render
from .naming import KEY_EVERY, VERSION, SceneName, is_key_frame, token
from .nuscenes_tables import CAMERA_YAW_DEG, TABLES, Observation, Records, scene_tables, shared_tables
from .raycast import count_inside
from .staging import fresh_partial, in_parallel, must_write, publish
from .world import SWEEP_PERIOD_S, Scene, build_scene

GENERATOR = 2
"""Raise it with every change that alters a byte of the output: folders of another number are not reused."""


@dataclass(frozen=True)
class Plan:
    """What is asked for: the output is a pure function of these fields (and of GENERATOR)."""

    seed: int = 0
    train_scenes: int = 40
    val_scenes: int = 12
    seconds: float = 2.5

    def __post_init__(self) -> None:
        limits = {'train_scenes': len(splits.train), 'val_scenes': len(splits.val)}
        for name, limit in limits.items():
            if not 1 <= getattr(self, name) <= limit:
                raise InputError(f'{name} must be 1 to {limit} (official scene names), got {getattr(self, name)}')
        if not 2 * KEY_EVERY <= self.n_sweeps <= 400:
            raise InputError(
                f'seconds must be 1 to 20 (two key frames or more, roads are 190 m long), got {self.seconds}'
            )
        if self.seed < 0:
            raise InputError(f'seed must be 0 or more, got {self.seed}')

    @property
    def n_sweeps(self) -> int:
        """Sweeps of one scene, 20 a second."""
        return round(self.seconds / SWEEP_PERIOD_S)

    def manifest(self) -> dict:
        """What is written into the folder, to know it again."""
        return {'generator': GENERATOR, **asdict(self)}

    def scenes(self) -> list[tuple[str, int, SceneName]]:
        """(split, index in it, name) of every scene, in the order of the tables."""
        names = [('train', i, splits.train[i]) for i in range(self.train_scenes)]
        names += [('val', i, splits.val[i]) for i in range(self.val_scenes)]
        return [(split, i, SceneName(self.seed, name, number)) for number, (split, i, name) in enumerate(names)]


def write_dataset(out: str | Path, plan: Plan, *, workers: int | None = None, force: bool = False) -> Path:
    """Write the data set of a plan to `out`, or reuse it where it already stands there, whole and of the same plan.

    Everything goes to `<out>.partial`, which is renamed at the very end: a killed run leaves no folder that looks
    whole. Raises FileExistsError for a folder of anything else; `force` replaces an older synthetic data set, never
    other data."""
    out = Path(out)
    if not must_write(out, plan.manifest(), force):
        return out
    partial = fresh_partial(out)
    _make_folders(partial)
    print(f'stage 1 of 3: rendering {len(plan.scenes())} scenes of {plan.n_sweeps} sweeps')
    jobs = [(partial, plan.n_sweeps, *scene) for scene in plan.scenes()]
    parts = in_parallel(_write_scene, jobs, plan.n_sweeps, workers, warm_up)
    print('stage 2 of 3: writing the nuScenes tables')
    _write_tables(partial, plan, parts)
    print(f'stage 3 of 3: moving {partial} to {out}')
    return publish(partial, out, plan.manifest())


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


def warm_up() -> None:
    """Compile the kernels once before processes are forked, instead of once in each."""
    scene = build_scene(0, 'train', 0, 1.0)
    sweep = render(scene, 0.0, 0, (0,))
    _observe(scene, sweep, 0.0)


def _observe(scene: Scene, sweep: Sweep, t: float) -> Observation:
    """Count the points inside every annotated box."""
    boxes, pose = scene.boxes(t), scene.lidar_pose(t)
    points = sweep.points[:, :3].astype(np.float64) @ pose.turn.T + pose.origin
    counts = count_inside(points, boxes[:, :3], np.cos(boxes[:, 6]), np.sin(boxes[:, 6]), boxes[:, 3:6] / 2)
    visible = np.zeros(len(boxes))
    visible[: len(sweep.visible) - 2] = sweep.visible[2:]
    return Observation(boxes, counts, visible)


def _write_scene(job: tuple[Path, int, str, int, SceneName]) -> Records:
    """Render and write one scene; returns its records."""
    root, n_sweeps, split, index, who = job
    scene = build_scene(who.seed, split, index, n_sweeps * SWEEP_PERIOD_S)
    observations = []
    image = _tiny_jpeg()
    for number in range(n_sweeps):
        t = number * SWEEP_PERIOD_S
        sweep = render(scene, t, who.seed, (who.number, 1 if split == 'val' else 0, number))
        sweep.points.tofile(root / who.lidar_file(number))
        if not is_key_frame(number):
            continue
        sweep.label.tofile(root / who.lidarseg_file(number))
        for channel in CAMERA_YAW_DEG:
            (root / who.camera_file(channel, number)).write_bytes(image)
        observations.append(_observe(scene, sweep, t))
    return scene_tables(scene, who, n_sweeps, observations)


def _write_tables(root: Path, plan: Plan, parts: list[Records]) -> None:
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
