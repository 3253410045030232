"""Writes the world of objects as prepared sets (datasets/objects/object_set.py), which training and protocols read."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np

from ...datasets.objects.object_set import write_object_set
from ..staging import SyntheticPlan, render_all, write_data_set
from .boxes import VARIANTS
from .catalogue import CLASSES, CLASSES_WITH_PARTS, parts_of_class
from .objects import SPLITS, WorldObject


@dataclass(frozen=True)
class ObjectPlan(SyntheticPlan):
    """Objects of each class, see :class:`SyntheticPlan`.

    train_objects, val_objects, test_objects: of each class; points: of each cloud."""

    train_objects: int = 50
    val_objects: int = 0
    test_objects: int = 20
    points: int = 2048

    def __post_init__(self) -> None:
        super().__post_init__()
        self.check('train_objects', 1, 9999, 'of each class')
        self.check('val_objects', 0, 9999, 'of each class')
        self.check('test_objects', 1, 9999, 'of each class')
        self.check('points', 256, 16384, 'of each object')

    def splits(self) -> list[str]:
        """Those that have objects."""
        return [split for split in SPLITS if self.number_of(split)]

    def number_of(self, split: str) -> int:
        """Objects of each class."""
        return getattr(self, f'{split}_objects')

    def objects(self, split: str, names: Sequence[str]) -> Iterator[WorldObject]:
        """All of some classes, class by class."""
        for name in names:
            yield from (WorldObject(self.seed, split, name, number) for number in range(self.number_of(split)))


@dataclass(frozen=True)
class PreparedPlan(ObjectPlan):
    """All forty classes: folders `clean`, `obj_only`, `obj_bg`, `pb_t50_rs`, and `parts` with the sixteen that have
    them."""

    KIND = {'format': 'objects', 'generator': 2}


def write_objects(out: str | Path, plan: PreparedPlan, *, workers: int | None = None, force: bool = False) -> Path:
    """Write the sets of a plan to `out`, as :func:`write_data_set` does; gives `out`."""
    return write_data_set(out, plan, partial(_write_sets, plan, workers), force=force)


def render_objects(work: partial, plan: ObjectPlan, split: str, names: Sequence[str], workers: int | None) -> list:
    """Results of `work` for each object of some classes, in order, from several processes."""
    jobs = list(plan.objects(split, names))
    return render_all(work, jobs, unit='object', units_per_job=1, workers=workers, warm_up=_warm_up)


def _write_sets(plan: PreparedPlan, workers: int | None, root: Path) -> None:
    for split in plan.splits():
        found = render_objects(partial(_forms, plan.points), plan, split, CLASSES, workers)
        objects = list(plan.objects(split, CLASSES))
        for form in ('clean', *VARIANTS):
            _write_set(root, form, plan, split, objects, [forms[form] for forms in found])
        rows = [row for row, one in enumerate(objects) if one.name in CLASSES_WITH_PARTS]
        _write_set(root, 'parts', plan, split, [objects[row] for row in rows], [found[row]['clean'] for row in rows],
                   [found[row]['parts'] for row in rows])  # fmt: skip


def _forms(points: int, one: WorldObject) -> dict[str, np.ndarray]:
    """Every cloud of an object, and the parts of its clean one where its class has any."""
    xyz, face = one.clean(points)
    forms = {variant: cloud for variant, (cloud, _) in one.scanned(points).items()}
    if one.name in CLASSES_WITH_PARTS:
        forms['parts'] = one.parts(face).astype(np.int16)
    return {'clean': xyz, **forms}


def _write_set(
    root: Path, form: str, plan: PreparedPlan, split: str, objects: list[WorldObject], clouds: list[np.ndarray],
    parts: list[np.ndarray] | None = None,
) -> None:  # fmt: skip
    classes = CLASSES if parts is None else CLASSES_WITH_PARTS
    write_object_set(
        root / form, split, clouds, [classes.index(one.name) for one in objects], classes,
        [one.title for one in objects], parts, None if parts is None else parts_of_class(CLASSES_WITH_PARTS),
        source={'variant': form, **plan.manifest()},
    )  # fmt: skip


def _warm_up() -> None:
    WorldObject(0, 'train', 'box', 0).scanned(256)
