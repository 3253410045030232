"""Writes the procedural world as Waymo segments: frame records, points and masks, as the raw records' converter does.

tools/create_data.py waymo makes mmdet3d's infos of them."""

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np

from ..datasets.waymo.frame_record import FOLDERS, SPLIT_FOLDERS, FrameRecord, frame_name, frame_path, write_record
from .staging import SyntheticPlan, render_all, write_data_set
from .waymo_cameras import camera_fields, seen_fields
from .waymo_labels import in_zone, label_frame, no_label_zone, semantic_labels
from .waymo_lidars import TOP_COLUMNS, Frame, render_frame
from .world import Scene, build_scene

FRAME_PERIOD_S = 0.1
FIRST_TIMESTAMP_US = 1_550_000_000_000_000
SEMANTIC_EVERY = 5
"""Frames from one with semantic labels to the next."""
MOST_SEGMENTS = {'training': 798, 'validation': 202, 'testing': 150}


@dataclass(frozen=True)
class WaymoPlan(SyntheticPlan):
    """Segments of the three splits; those of the test split have neither boxes nor semantic labels, as there. See
    :class:`SyntheticPlan`.

    columns: of a turn of the roof's lidar; fewer make small frames for tests."""

    KIND = {'format': 'waymo', 'generator': 1}

    train_segments: int = 4
    val_segments: int = 2
    test_segments: int = 1
    seconds: float = 2.5
    columns: int = TOP_COLUMNS

    def __post_init__(self) -> None:
        super().__post_init__()
        self.check('train_segments', 1, MOST_SEGMENTS['training'])
        self.check('val_segments', 1, MOST_SEGMENTS['validation'])
        self.check('test_segments', 0, MOST_SEGMENTS['testing'])
        self.check('seconds', 0.1, 20, 'roads are 190 m long')
        self.check('columns', 8, TOP_COLUMNS)

    @property
    def counts(self) -> dict[str, int]:
        """Segments of each split."""
        return {'training': self.train_segments, 'validation': self.val_segments, 'testing': self.test_segments}

    @property
    def n_frames(self) -> int:
        """Frames of one segment, ten a second."""
        return round(self.seconds / FRAME_PERIOD_S)

    def segments(self) -> Iterator[tuple[str, int, str]]:
        """(split, place among the sorted names, name) of every segment."""
        for split, count in self.counts.items():
            names = sorted(segment_name(self.seed, split, index) for index in range(count))
            yield from ((split, place, name) for place, name in enumerate(names))


def segment_name(seed: int, split: str, index: int) -> str:
    """As officially: 19 digits or so, and start and end of 20 seconds within the drive."""
    digest = int(hashlib.sha256(f'{seed} {split} {index}'.encode()).hexdigest(), 16)
    start = digest // 10**20 % 500 * 10
    return f'{10**18 + digest % (9 * 10**18)}_{start}_000_{start + 20}_000'


def write_waymo(out: str | Path, plan: WaymoPlan, *, workers: int | None = None, force: bool = False) -> Path:
    """Write the segments of a plan to `out`, as :func:`write_data_set` does; gives `out`."""
    return write_data_set(out, plan, partial(_write_segments, plan, workers), force=force)


def _write_segments(plan: WaymoPlan, workers: int | None, root: Path) -> None:
    for split, count in plan.counts.items():
        for folder in FOLDERS.values() if count else ():
            (root / SPLIT_FOLDERS[split] / folder).mkdir(parents=True, exist_ok=True)
    jobs = [(root, plan, *segment) for segment in plan.segments()]
    render_all(_write_segment, jobs, unit='frame', units_per_job=plan.n_frames, workers=workers, warm_up=_warm_up)


def segment_key(split: str, place: int) -> tuple[int, int]:
    """What sets the random numbers of a segment apart from those of others."""
    return (list(MOST_SEGMENTS).index(split), place)


def scene_of(plan: WaymoPlan, split: str, place: int) -> Scene:
    """The world of a segment: the training scenes' for 'training', validation's for the others."""
    if split == 'training':
        return build_scene(plan.seed, 'train', place, plan.seconds)
    return build_scene(plan.seed, 'val', place + (plan.val_segments if split == 'testing' else 0), plan.seconds)


def frame_of(plan: WaymoPlan, scene: Scene, split: str, place: int, number: int) -> Frame:
    """Points of one frame."""
    key = (*segment_key(split, place), number)
    return render_frame(scene, number * FRAME_PERIOD_S, plan.seed, key, plan.columns)


def _write_segment(job: tuple[Path, WaymoPlan, str, int, str]) -> None:
    root, plan, split, place, name = job
    scene, zone = scene_of(plan, split, place), no_label_zone(plan.seed, segment_key(split, place))
    for number in range(plan.n_frames):
        frame = frame_of(plan, scene, split, place, number)
        _write_frame(root, plan, scene, frame, zone, (split, place, name, number))


def _write_frame(
    root: Path, plan: WaymoPlan, scene: Scene, frame: Frame, zone: np.ndarray, who: tuple[str, int, str, int]
) -> None:
    """Files of one frame; `who` is its split, place of the segment, name of the segment and number."""
    split, place, segment, number = who
    t, name, pose = number * FRAME_PERIOD_S, frame_name(split, place, number), scene.ego_pose(number * FRAME_PERIOD_S)
    labelled = split != 'testing'
    has_semantic = labelled and number % SEMANTIC_EVERY == 0
    xy = (frame.points[:, :3].astype(np.float64) @ pose.turn.T + pose.origin)[:, :2]
    frame.points.tofile(frame_path(root, 'points', name))
    in_zone(zone, xy).astype(np.uint8).tofile(frame_path(root, 'no_label_zone', name))
    if has_semantic:
        semantic_labels(scene, frame, t).tofile(frame_path(root, 'semantic', name))
    objects = label_frame(scene, frame, zone, t, plan.seed, segment_key(split, place)) if labelled else {}
    write_record(
        frame_path(root, 'record', name),
        FrameRecord(
            segment=segment,
            frame=number,
            timestamp_us=FIRST_TIMESTAMP_US + 10**9 * place + round(t * 1e6),
            num_points_in_frame=len(frame.points),
            global_from_vehicle=_global_from_vehicle(scene, t),
            has_semantic=has_semantic,
            **objects,
            **(seen_fields(objects['box']) if labelled else {}),
            **camera_fields(),
        ),
    )


def _global_from_vehicle(scene: Scene, t: float) -> np.ndarray:
    """(4, 4), rounded, so that the last bits of a sum do not show."""
    pose, matrix = scene.ego_pose(t), np.eye(4)
    matrix[:3, :3], matrix[:3, 3] = pose.turn, pose.origin + scene.offset_m
    return matrix.round(9)


def _warm_up() -> None:
    plan = WaymoPlan(columns=8)
    scene = scene_of(plan, 'training', 0)
    frame = frame_of(plan, scene, 'training', 0, 0)
    label_frame(scene, frame, no_label_zone(0, (0, 0)), 0.0, 0, (0, 0))
    semantic_labels(scene, frame, 0.0)
