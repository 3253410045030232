"""The forty classes: who builds them, and the parts of sixteen of them.

The sixteen are those of ShapeNetPart, with its synsets and its parts in its order, and the fifteen of ScanObjectNN are
among the forty, so that both formats are written with their own numbers. Twenty-five are classes of ModelNet40, some
under another name. Families that are meant to be confused: chair, stool, bench, sofa, bed; table, desk, cabinet,
dresser, tv stand, wardrobe, shelf; mug, bowl, vase, bottle, flower pot, bin, lamp; car, van, truck, bus."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np

from . import handheld, household, seats, storage, vehicles, vessels
from .deform import deformed
from .draws import Draws
from .mesh import Builder, Mesh


class Kind(NamedTuple):
    """build: adds the solids of one object. parts: their names by label, () where the class has none. synset: of
    ShapeNetPart."""

    build: Callable[[Builder, Draws], None]
    parts: tuple[str, ...] = ()
    synset: str = ''


KINDS: dict[str, Kind] = {
    'airplane': Kind(vehicles.airplane, ('body', 'wing', 'tail', 'engine'), '02691156'),
    'bag': Kind(handheld.bag, ('handle', 'body'), '02773838'),
    'cap': Kind(handheld.cap, ('panels', 'peak'), '02954340'),
    'car': Kind(vehicles.car, ('roof', 'hood', 'wheel', 'body'), '02958343'),
    'chair': Kind(seats.chair, ('back', 'seat', 'leg', 'arm'), '03001627'),
    'earphone': Kind(handheld.earphone, ('earphone', 'headband', 'wire'), '03261776'),
    'guitar': Kind(handheld.guitar, ('head', 'neck', 'body'), '03467517'),
    'knife': Kind(handheld.knife, ('blade', 'handle'), '03624134'),
    'lamp': Kind(vessels.lamp, ('base', 'shade', 'pole', 'canopy'), '03636649'),
    'laptop': Kind(handheld.laptop, ('keyboard', 'screen'), '03642806'),
    'motorbike': Kind(vehicles.motorbike, ('tank', 'seat', 'wheel', 'handle', 'light', 'frame'), '03790512'),
    'mug': Kind(vessels.mug, ('handle', 'cup'), '03797390'),
    'pistol': Kind(handheld.pistol, ('barrel', 'handle', 'trigger'), '03948459'),
    'rocket': Kind(vehicles.rocket, ('body', 'fin', 'nose'), '04099429'),
    'skateboard': Kind(vehicles.skateboard, ('wheel', 'deck', 'belt'), '04225987'),
    'table': Kind(storage.table, ('top', 'leg', 'support'), '04379243'),
    'bed': Kind(seats.bed),
    'bench': Kind(seats.bench),
    'bin': Kind(vessels.rubbish_bin),
    'bottle': Kind(vessels.bottle),
    'bowl': Kind(vessels.bowl),
    'box': Kind(storage.box),
    'bus': Kind(vehicles.bus),
    'cabinet': Kind(storage.cabinet),
    'desk': Kind(storage.desk),
    'display': Kind(household.display),
    'door': Kind(storage.door),
    'dresser': Kind(storage.dresser),
    'flower_pot': Kind(vessels.flower_pot),
    'pillow': Kind(seats.pillow),
    'shelf': Kind(storage.shelf),
    'sink': Kind(household.sink),
    'sofa': Kind(seats.sofa),
    'stool': Kind(seats.stool),
    'toilet': Kind(household.toilet),
    'truck': Kind(vehicles.truck),
    'tv_stand': Kind(storage.tv_stand),
    'van': Kind(vehicles.van),
    'vase': Kind(vessels.vase),
    'wardrobe': Kind(storage.wardrobe),
}
CLASSES = tuple(KINDS)
CLASSES_WITH_PARTS = tuple(name for name, kind in KINDS.items() if kind.parts)
SCANOBJECTNN_CLASSES = (
    'bag', 'bin', 'box', 'cabinet', 'chair', 'desk', 'display', 'door', 'shelf', 'table', 'bed', 'pillow', 'sink',
    'sofa', 'toilet',
)  # fmt: skip
"""In the order of the labels of the data set."""


def parts_of_class(names: Sequence[str] = CLASSES_WITH_PARTS) -> dict[str, tuple[int, ...]]:
    """class -> numbers of its parts, those of ShapeNetPart: 0 to 49 over all sixteen classes."""
    numbers, start = {}, 0
    for name in CLASSES_WITH_PARTS:
        numbers[name] = tuple(range(start, start + len(KINDS[name].parts)))
        start += len(KINDS[name].parts)
    return {name: numbers[name] for name in names}


def make_object(name: str, rng: np.random.Generator) -> Mesh:
    """One object of a class, deformed, its underside at z = 0 and the middle of its footprint at the origin; metres."""
    kind, draws = KINDS[name], Draws(rng)
    builder = Builder(kind.parts or ('',))
    kind.build(builder, draws)
    return grounded(deformed(builder.mesh(), draws))


def grounded(mesh: Mesh) -> Mesh:
    """Moved to stand at the origin."""
    low, high = mesh.bounds()
    return mesh.moved(np.eye(3), [*(-(low + high)[:2] / 2), -low[2]])
