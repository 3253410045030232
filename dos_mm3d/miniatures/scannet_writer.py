"""Writes furnished rooms, seen by a depth camera, as ScanNet's download has its scans."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np

from . import scannet_records as records
from .indoor_room import SPLITS, Room, build_room
from .indoor_scan import Scan, scan_room
from .shapes import rotation
from .staging import SyntheticPlan, render_all, write_data_set

MIN_ANNOTATED = 15
"""Vertices: what shows fewer is not annotated, as annotators leave out the tiniest things."""

_TRAIN = (
    '0191 0119 0230 0528 0705 0415 0007 0141 0515 0447 0531 0503 0285 0069 0584 0581 0620 0263 0481 0020 0291 0469 '
    '0659 0024 0564 0117 0027 0028 0330 0418 0233 0673 0585 0362 0035 0358 0037 0194 0321 0293 0623 0592 0569 0413 0313'
)
_VAL = '0568 0304 0488 0412 0217 0019 0414 0575 0426 0549 0578 0665 0050 0257 0025 0583 0701 0580 0565 0169'
OFFICIAL = {
    'train': tuple(f'scene{space}_00' for space in _TRAIN.split()),
    'val': tuple(f'scene{space}_00' for space in _VAL.split()),
    'test': tuple(f'scene{space:04d}_00' for space in range(707, 807)),
}
"""Split -> the first spaces of the official lists (scannetv2_train.txt ...), one scan of each."""


@dataclass(frozen=True)
class ScanNetPlan(SyntheticPlan):
    """Scans of the three splits, see :class:`SyntheticPlan`. The five types of rooms come by turns, so that five scans
    of a split hold all classes of ScanNet-20.

    views: depth images of a scan; spacing_m: between vertices. 0.035 gives 30 to 80 thousand of them, 0.1 and 12 views
    a few thousand, for tests."""

    KIND = {'format': 'scannet', 'generator': 1}

    train_scenes: int = 20
    val_scenes: int = 5
    test_scenes: int = 1
    views: int = 40
    spacing_m: float = 0.035

    def __post_init__(self) -> None:
        super().__post_init__()
        self.check('train_scenes', 1, len(OFFICIAL['train']), 'official names')
        self.check('val_scenes', 1, len(OFFICIAL['val']), 'official names')
        self.check('test_scenes', 0, len(OFFICIAL['test']), 'official names')
        self.check('views', 4, 500)
        self.check('spacing_m', 0.015, 0.2, 'metres between vertices')

    def scans(self) -> Iterator[tuple[str, int, str]]:
        """(split, number in it, official name) of every scan."""
        for split in SPLITS:
            names = OFFICIAL[split][: getattr(self, f'{split}_scenes')]
            yield from ((split, index, name) for index, name in enumerate(names))


def write_scannet(out: str | Path, plan: ScanNetPlan, *, workers: int | None = None, force: bool = False) -> Path:
    """Write the scans of a plan to `out`, as :func:`write_data_set` does; gives `out`."""
    return write_data_set(out, plan, partial(_write_scans, plan, workers), force=force)


def _write_scans(plan: ScanNetPlan, workers: int | None, root: Path) -> None:
    jobs = [(root, plan, *scan) for scan in plan.scans()]
    counts = render_all(_write_scan, jobs, unit='view', units_per_job=plan.views, workers=workers, warm_up=_warm_up)
    (root / 'scannetv2-labels.combined.tsv').write_text(records.label_map(sum(counts, Counter())))
    for split in SPLITS:
        names = [name for where, _, name in plan.scans() if where == split]
        (root / f'scannetv2_{split}.txt').write_text(''.join(f'{name}\n' for name in names))


def scan_of(plan: ScanNetPlan, split: str, index: int) -> tuple[Room, Scan]:
    """The room and the scan of a number of a split."""
    room = build_room(plan.seed, split, index)
    return room, scan_room(room, plan.views, plan.spacing_m, (plan.seed, SPLITS.index(split), index))


def scan_frame(plan: ScanNetPlan, split: str, index: int, room: Room) -> tuple[np.ndarray, np.ndarray]:
    """Turn (3, 3) and origin (3,) of the room in its scan: a yaw at random, everything at positive coordinates, as the
    first view of a real one decides them."""
    rng = np.random.default_rng([plan.seed, SPLITS.index(split), index, 1])
    turn = rotation(float(rng.uniform(-np.pi, np.pi)))
    corners = np.array([[x, y, 0.0] for x in (0, room.size_m[0]) for y in (0, room.size_m[1])]) @ turn.T
    return turn, rng.uniform(0.1, 0.4, 3) - [*corners[:, :2].min(0), 0.0]


def axis_alignment(room: Room, turn: np.ndarray, origin: np.ndarray) -> np.ndarray:
    """(4, 4) scan -> walls along x and y, floor at z = 0, the middle of the room at x = y = 0."""
    middle = np.array([*room.size_m[:2] / 2, 0.0])
    matrix = np.eye(4)
    matrix[:3, :3], matrix[:3, 3] = turn.T, -turn.T @ origin - middle
    return matrix


def _write_scan(job: tuple[Path, ScanNetPlan, str, int, str]) -> Counter:
    """Write one scan; returns how often each raw category is annotated."""
    root, plan, split, index, name = job
    room, scan = scan_of(plan, split, index)
    turn, origin = scan_frame(plan, split, index, room)
    folder = root / ('scans_test' if split == 'test' else 'scans') / name
    folder.mkdir(parents=True)
    stem = f'{folder}/{name}'
    xyz = scan.xyz_m @ turn.T + origin
    Path(f'{stem}_vh_clean_2.ply').write_bytes(records.mesh(xyz, scan.rgb, scan.face))
    alignment = None if split == 'test' else axis_alignment(room, turn, origin)
    Path(f'{stem}.txt').write_text(records.metadata(alignment, room.scene_type, plan.views))
    return Counter() if split == 'test' else _annotate(stem, name, room, scan, xyz)


def _annotate(stem: str, name: str, room: Room, scan: Scan, xyz: np.ndarray) -> Counter:
    """Segments, objects and the mesh of labels."""
    many = np.bincount(scan.instance, minlength=len(room.placed)) >= MIN_ANNOTATED
    shown = np.flatnonzero(many)
    labels = [room.names[i] for i in shown]
    Path(f'{stem}_vh_clean_2.0.010000.segs.json').write_text(records.segments(name, scan.segment))
    segments_of = [np.unique(scan.segment[scan.instance == i]) for i in shown]
    Path(f'{stem}.aggregation.json').write_text(records.objects(name, labels, segments_of))
    numbers = np.array([records.nyu40_of(label) if there else 0 for label, there in zip(room.names, many, strict=True)])
    nyu40 = numbers[scan.instance]
    mesh = records.mesh(xyz, records.label_colours(nyu40), scan.face, nyu40)
    Path(f'{stem}_vh_clean_2.labels.ply').write_bytes(mesh)
    return Counter(labels)


def _warm_up() -> None:
    scan_of(ScanNetPlan(views=4, spacing_m=0.2), 'train', 3)
