"""Fronts along a street: blocks with windows and balconies, houses with roofs, walls, fences, hedges, guard rails."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from ..ground import Ground
from ..scenery import MANMADE, REACH_M, fence, hedge, is_clear, wall
from ..shapes import BOX, CYLINDER, Shape, rotation
from .plants import grove
from .streets import FRONTS, Habits, Street

STOREY_M = 3.0
PANE_M = 0.02
"""How far windows stand out of a front, so that their dim echoes take the place of the wall's."""


@dataclass(frozen=True)
class Site:
    """Where a front stands: foot x, y, z, heading of the street, half length and depth; side, 1 left of the street."""

    foot: np.ndarray
    heading_rad: float
    half: tuple[float, float]
    side: int

    @property
    def turn(self) -> np.ndarray:
        """Site -> scene."""
        return rotation(self.heading_rad)

    def at(self, along: float, out: float, up: float) -> tuple[float, float, float]:
        """Scene frame of a point: along the street from the middle, out of the front towards the street, up."""
        turn, across = self.turn, -self.side * (self.half[1] + out)
        x, y = self.foot[:2] + along * turn[:2, 0] + across * turn[:2, 1]
        return float(x), float(y), float(self.foot[2] + up)


def build_fronts(shape: Shape, street: Street, ground: Ground, side: int, rng: np.random.Generator) -> None:
    """Walk along one side of the street and fill it."""
    plan, habits = street.plan, street.habits
    weights = np.array(habits.fronts) / sum(habits.fronts)
    setback = float(rng.uniform(*habits.setback_m))
    s = -REACH_M
    while s < REACH_M:
        kind = str(rng.choice(FRONTS, p=weights))
        length = float(rng.uniform(*_LENGTH_M.get(kind, (7.0, 26.0))))
        depth = float(rng.uniform(*_DEPTH_M.get(kind, (0.1, 0.3))))
        back = 0.4 if kind == 'rail' else setback * rng.uniform(0.6, 1.4) + 0.3
        d = side * (plan.half_width_m + plan.sidewalk_m + back + depth / 2)
        x, y, heading = plan.course.at(s + length / 2, d)
        half = (length / 2, depth / 2)
        if kind != 'field' and is_clear(ground, x, y, heading, half, plan.sidewalk_m + 0.05):
            near = plan.course.at(s + length / 2, d - side * depth / 2)
            z = min(ground.height_at(x, y), ground.height_at(*near[:2]))
            _BUILDERS[kind](shape, Site(np.array([x, y, z]), heading, half, side), habits, rng)
        s += length + float(rng.choice([0.05, 1.5, 4.0]))


def _block(shape: Shape, site: Site, habits: Habits, rng: np.random.Generator) -> None:
    """Storeys with a grid of windows or bands of glass, balconies, a plinth, an entrance."""
    floors = int(rng.integers(habits.floors[0], habits.floors[1] + 1))
    storey = STOREY_M * float(rng.uniform(0.9, 1.3))
    height, paint = floors * storey + rng.uniform(0.0, 1.2), 0.25 * float(np.exp(rng.normal(0.0, 0.45)))
    _box(shape, site, (0.0, -site.half[1], height / 2 - 0.5), (*site.half, height / 2 + 0.5), paint)
    width, rise = float(rng.uniform(0.45, 1.1)), float(rng.uniform(0.5, 0.85))
    gap = 2 * width + float(rng.uniform(0.6, 2.2))
    columns = np.arange(-site.half[0] + gap / 2, site.half[0] - width, gap)
    banded, has_balconies = rng.random() < 0.25, rng.random() < 0.45
    for floor in range(min(floors, 6)):
        sill = floor * storey + 1.0
        if banded:
            _box(shape, site, (0.0, PANE_M, sill + rise), (0.94 * site.half[0], PANE_M, rise), 0.1, 'glass')
        for along in () if banded else columns:
            _box(shape, site, (along, PANE_M, sill + rise), (width, PANE_M, rise), 0.1, 'glass')
        if floor and has_balconies:
            for along in columns[int(rng.integers(2)) :: 2]:
                _balcony(shape, site, along, sill - 1.0, width + 0.4, paint)
    for _ in range(int(rng.integers(0, 4))):  # bays, pilasters, awnings
        block = (float(rng.uniform(0.2, 1.8)), float(rng.uniform(0.1, 0.6)), float(rng.uniform(0.1, 1.6)))
        place = (rng.uniform(-0.85, 0.85) * site.half[0], block[1], rng.uniform(0.3, max(1.0, height - 1.5)))
        _box(shape, site, place, block, paint * rng.uniform(0.6, 1.5))


def _balcony(shape: Shape, site: Site, along: float, up: float, half_width: float, paint: float) -> None:
    """A slab, and bars before it that let most rays pass."""
    _box(shape, site, (along, 0.6, up), (half_width, 0.6, 0.1), paint)
    _box(shape, site, (along, 1.15, up + 0.6), (half_width, 0.03, 0.5), 0.25, 'metal', density=0.45)


def _house(shape: Shape, site: Site, habits: Habits, rng: np.random.Generator) -> None:
    """One or two storeys, a gabled roof, a door, windows, perhaps a garage or a porch."""
    eaves, paint = float(rng.uniform(2.4, 6.0)), 0.25 * float(np.exp(rng.normal(0.0, 0.5)))
    half, pitch = site.half, float(rng.uniform(0.35, 0.8))
    _box(shape, site, (0.0, -half[1], eaves / 2 - 0.4), (*half, eaves / 2 + 0.4), paint)
    slope, rise = half[1] / np.cos(pitch) / 2 + 0.2, half[1] * np.tan(pitch)
    for face in (-1.0, 1.0):  # the ridge runs along the street
        centre = site.at(0.0, -half[1] + face * half[1] / 2, eaves + rise / 2)
        turn = site.turn @ rotation(0.0, 0.0, face * site.side * pitch)
        shape.add(BOX, centre, (half[0] + 0.3, slope, 0.08), label=MANMADE, reflectivity=0.6 * paint, turn=turn)
    for face in (-1.0, 1.0):  # gables, as steps
        for low in (0.0, 0.33, 0.66):
            reach = half[1] * (0.92 - low)
            place = (face * (half[0] - 0.1), -half[1], eaves + rise * (low + 0.16))
            _box(shape, site, place, (0.1, reach, 0.17 * rise), paint)
    for along in np.arange(-half[0] + 1.3, half[0] - 1.0, rng.uniform(2.2, 3.6)):
        for sill in np.arange(1.0, eaves - 1.2, 2.7):
            _box(shape, site, (along, PANE_M, sill + 0.6), (0.5, PANE_M, 0.6), 0.1, 'glass')
    if rng.random() < 0.5:
        porch = (float(rng.uniform(1.0, 2.2)), float(rng.uniform(0.6, 1.6)), float(rng.uniform(1.1, 1.4)))
        _box(shape, site, (rng.uniform(-0.6, 0.6) * half[0], porch[1], porch[2]), porch, paint)


def _box(
    shape: Shape,
    site: Site,
    place: tuple[float, float, float],
    half: tuple[float, float, float],
    reflectivity: float,
    part: str = '',
    density: float = 1.0,
) -> None:
    """A box that is parallel to the street; place: see Site.at."""
    shape.add(
        BOX, site.at(*place), half, label=MANMADE, reflectivity=float(reflectivity), density=density, turn=site.turn,
        part=part,
    )  # fmt: skip


def _rail(shape: Shape, site: Site, habits: Habits, rng: np.random.Generator) -> None:
    """A guard rail on posts, or a wall against noise."""
    if rng.random() < 0.25:
        height = float(rng.uniform(2.0, 4.5))
        _box(shape, site, (0.0, 0.0, height / 2), (site.half[0], 0.1, height / 2), 0.25)
        return
    _box(shape, site, (0.0, 0.0, 0.62), (site.half[0], 0.04, 0.15), 0.3, 'metal')
    for along in np.arange(-site.half[0], site.half[0], 2.0):
        shape.add(
            CYLINDER, site.at(along, -0.12, 0.35), (0.05, 0.05, 0.4), label=MANMADE, reflectivity=0.2, part='metal'
        )


def _grove(shape: Shape, site: Site, habits: Habits, rng: np.random.Generator) -> None:
    """Bushes and trees, close together."""
    count = int(rng.uniform(0.25, 0.6) * 2 * site.half[0]) + 1
    along, back = rng.uniform(-1.0, 1.0, count) * site.half[0], rng.uniform(0.0, 2.0, count) * site.half[1]
    grove(shape, [site.at(float(a), -float(b), 0.0) for a, b in zip(along, back)], rng)


def _as_before(build: Callable) -> Callable:
    """A front of the miniatures."""

    def front(shape: Shape, site: Site, habits: Habits, rng: np.random.Generator) -> None:
        build(shape, tuple(site.foot), site.heading_rad, site.half, site.side, rng)

    return front


_LENGTH_M = {
    'house': (7.0, 16.0),
    'block': (9.0, 32.0),
    'rail': (20.0, 30.0),
    'grove': (8.0, 25.0),
    'field': (8.0, 35.0),
}
_DEPTH_M = {'block': (8.0, 16.0), 'house': (6.0, 11.0), 'hedge': (0.7, 1.5), 'grove': (2.0, 7.0)}
_BUILDERS = {
    'block': _block,
    'house': _house,
    'wall': _as_before(wall),
    'fence': _as_before(fence),
    'hedge': _as_before(hedge),
    'rail': _rail,
    'grove': _grove,
}
