"""Trees of several kinds, bushes and high grass."""

import numpy as np

from ..ground import Ground
from ..scenery import REACH_M, VEGETATION, tree
from ..shapes import CYLINDER, FOLIAGE, Shape, rotation
from .streets import Street


def build_plants(shape: Shape, street: Street, ground: Ground, rng: np.random.Generator) -> None:
    """Along both curbs, and on open ground."""
    plan, habits = street.plan, street.habits
    for side in (-1, 1):
        if habits.tree_gap_m[1] > 0.0 and rng.random() < 0.88:
            _avenue(shape, street, ground, side, rng)
        if rng.random() < 0.5:
            _planting(shape, street, ground, side, rng)
    places = rng.uniform(-REACH_M, REACH_M, (int(rng.integers(*habits.free_plants)), 2))
    for x, y in places.tolist():
        if ground.edge_at(x, y) > plan.sidewalk_m + 1.0:
            kind = str(rng.choice(list(_PLANTS), p=_FREE))
            _PLANTS[kind](shape, x, y, ground.height_at(x, y), rng)


def _avenue(shape: Shape, street: Street, ground: Ground, side: int, rng: np.random.Generator) -> None:
    """Trees along the curb, or behind it where there is no sidewalk."""
    plan, kind = street.plan, str(rng.choice(list(_TREES), p=_ALONG))
    out = float(rng.uniform(0.5, 1.2)) if plan.sidewalk_m > 1.5 else float(rng.uniform(1.0, 4.0))
    for s in np.arange(-REACH_M, REACH_M, float(rng.uniform(*street.habits.tree_gap_m))):
        x, y, _ = plan.course.at(float(s + rng.uniform(-1, 1)), side * (plan.half_width_m + out))
        if max(abs(x), abs(y)) < REACH_M and ground.edge_at(x, y) > 0.3 and rng.random() < 0.85:
            _TREES[kind](shape, x, y, ground.height_at(x, y), rng)


def _planting(shape: Shape, street: Street, ground: Ground, side: int, rng: np.random.Generator) -> None:
    """Low bushes in a strip along the curb, with gaps."""
    plan, path = street.plan, float(rng.uniform(0.08, 0.3))
    size, height = float(rng.uniform(0.4, 0.9)), float(rng.uniform(0.3, 1.3))
    start = float(rng.uniform(-50.0, 10.0))
    for s in np.arange(start, start + float(rng.uniform(15.0, 60.0)), 1.3 * size):
        x, y, _ = plan.course.at(float(s), side * (plan.half_width_m + 0.3 + size))
        if s % 12.0 > 3.0 and ground.edge_at(x, y) > 0.2:
            half = (size * rng.uniform(0.8, 1.2), size * rng.uniform(0.8, 1.2), height * rng.uniform(0.7, 1.1))
            _leaves(shape, (x, y, ground.height_at(x, y) + 0.3 * height), half, path, rng)


def _leaves(shape: Shape, centre: tuple, half: tuple, free_path_m: float, rng: np.random.Generator) -> None:
    """A cloud of leaves that rays enter as far as `free_path_m` on average."""
    bright = 0.37 * float(np.exp(rng.normal(0.0, 0.2)))
    shape.add(FOLIAGE, centre, half, label=VEGETATION, reflectivity=bright, density=free_path_m)


def _wood(shape: Shape, foot: np.ndarray, tip: np.ndarray, radius_m: float) -> None:
    """A trunk or a branch between two points."""
    along = tip - foot
    length = float(np.linalg.norm(along))
    yaw, pitch = np.arctan2(along[1], along[0]), np.arctan2(np.hypot(along[0], along[1]), along[2])
    shape.add(
        CYLINDER, tuple((foot + tip) / 2), (radius_m, radius_m, length / 2), label=VEGETATION, reflectivity=0.25,
        turn=rotation(float(yaw), float(pitch)), part='trunk',
    )  # fmt: skip


def _conifer(shape: Shape, x: float, y: float, z: float, rng: np.random.Generator) -> None:
    """A cone of branches almost from the ground."""
    height = float(rng.uniform(3.0, 14.0))
    spread, path = height * float(rng.uniform(0.14, 0.28)), float(rng.uniform(0.1, 0.4))
    _wood(shape, np.array([x, y, z - 0.3]), np.array([x, y, z + 0.9 * height]), 0.02 * height + 0.03)
    tiers = int(rng.integers(4, 7))
    for tier in range(tiers):
        share = (tier + 0.3) / tiers
        radius = spread * (1.0 - 0.85 * share)
        _leaves(shape, (x, y, z + height * (0.08 + 0.88 * share)), (radius, radius, 0.75 * height / tiers), path, rng)


def _column(shape: Shape, x: float, y: float, z: float, rng: np.random.Generator) -> None:
    """A poplar or a cypress."""
    height, radius = float(rng.uniform(4.0, 14.0)), float(rng.uniform(0.5, 1.4))
    _wood(shape, np.array([x, y, z - 0.3]), np.array([x, y, z + 0.3 * height]), 0.12)
    _leaves(shape, (x, y, z + 0.54 * height), (radius, radius, 0.46 * height), float(rng.uniform(0.15, 0.5)), rng)


def _bare(shape: Shape, x: float, y: float, z: float, rng: np.random.Generator) -> None:
    """A tree in winter: a trunk, branches, and a thin cloud of twigs."""
    height, bole = float(rng.uniform(4.0, 11.0)), float(rng.uniform(0.3, 0.5))
    foot, fork = np.array([x, y, z - 0.3]), np.array([x, y, z + bole * height])
    _wood(shape, foot, fork, 0.025 * height)
    for _ in range(int(rng.integers(4, 9))):
        reach = (1.0 - bole) * height * rng.uniform(0.5, 1.0)
        turn, lean = rng.uniform(0, 2 * np.pi), rng.uniform(0.15, 0.9)
        tip = fork + reach * np.array([np.sin(lean) * np.cos(turn), np.sin(lean) * np.sin(turn), np.cos(lean)])
        _wood(shape, fork, tip, float(rng.uniform(0.02, 0.06)))
    _leaves(
        shape, (x, y, z + 0.75 * height), (0.3 * height, 0.3 * height, 0.27 * height), float(rng.uniform(3.0, 9.0)), rng
    )


def _broad(shape: Shape, x: float, y: float, z: float, rng: np.random.Generator) -> None:
    """A wide crown of many clouds on a forked trunk."""
    height, bole = float(rng.uniform(6.0, 14.0)), float(rng.uniform(0.2, 0.35))
    foot, fork = np.array([x, y, z - 0.3]), np.array([x, y, z + bole * height])
    _wood(shape, foot, fork, float(rng.uniform(0.15, 0.35)))
    crown, path = (1.0 - bole) * height, float(rng.uniform(0.3, 1.2))
    for _ in range(int(rng.integers(5, 9))):
        turn, out = rng.uniform(0, 2 * np.pi), crown * rng.uniform(0.1, 0.5)
        size = crown * rng.uniform(0.18, 0.34)
        tip = fork + np.array([out * np.cos(turn), out * np.sin(turn), crown * rng.uniform(0.25, 0.75)])
        if rng.random() < 0.5:
            _wood(shape, fork, tip, float(rng.uniform(0.05, 0.12)))
        _leaves(shape, tuple(tip), (size, size * rng.uniform(0.8, 1.2), size * rng.uniform(0.6, 0.9)), path, rng)


def _young(shape: Shape, x: float, y: float, z: float, rng: np.random.Generator) -> None:
    height = float(rng.uniform(2.5, 4.5))
    _wood(shape, np.array([x, y, z - 0.3]), np.array([x, y, z + 0.6 * height]), float(rng.uniform(0.03, 0.06)))
    crown = height * rng.uniform(0.18, 0.3)
    _leaves(shape, (x, y, z + 0.75 * height), (crown, crown, 1.1 * crown), float(rng.uniform(0.3, 1.2)), rng)


def _palm(shape: Shape, x: float, y: float, z: float, rng: np.random.Generator) -> None:
    height = float(rng.uniform(5.0, 12.0))
    top = np.array([x + rng.normal(0.0, 0.4), y + rng.normal(0.0, 0.4), z + height])
    _wood(shape, np.array([x, y, z - 0.3]), top, float(rng.uniform(0.12, 0.25)))
    for turn in np.linspace(0, 2 * np.pi, 7)[:-1]:
        out = top + np.array([1.1 * np.cos(turn), 1.1 * np.sin(turn), 0.0])
        _leaves(shape, tuple(out), (0.9, 0.9, 0.35), 0.8, rng)


def _bush(shape: Shape, x: float, y: float, z: float, rng: np.random.Generator) -> None:
    """One to four clouds side by side."""
    size, path = float(rng.uniform(0.3, 1.3)), float(rng.uniform(0.08, 0.35))
    for _ in range(int(rng.integers(1, 5))):
        dx, dy = rng.normal(0.0, size, 2)
        half = (size * rng.uniform(0.6, 1.3), size * rng.uniform(0.6, 1.3), size * rng.uniform(0.5, 1.1))
        _leaves(shape, (x + dx, y + dy, z + 0.5 * half[2]), half, path, rng)


def _high_grass(shape: Shape, x: float, y: float, z: float, rng: np.random.Generator) -> None:
    half = (float(rng.uniform(0.8, 3.0)), float(rng.uniform(0.8, 3.0)), float(rng.uniform(0.15, 0.6)))
    _leaves(shape, (x, y, z), half, float(rng.uniform(0.3, 1.0)), rng)


def grove(shape: Shape, places: list[tuple[float, float, float]], rng: np.random.Generator) -> None:
    """Undergrowth of one height at all places, a tree at some; places: m in the scene frame, on the ground."""
    size, path, wooded = float(rng.uniform(0.7, 2.2)), float(rng.uniform(0.15, 0.6)), rng.random() < 0.7
    for x, y, z in places:
        half = tuple((size * rng.uniform([0.7, 0.7, 0.5], [1.4, 1.4, 1.3])).tolist())
        _leaves(shape, (x, y, z + 0.4 * half[2]), half, path, rng)
        if wooded and rng.random() < 0.4:
            kind = str(rng.choice(['round', 'broad', 'conifer', 'bare']))
            _TREES[kind](shape, x, y, z, rng)


_TREES = {
    'round': tree, 'broad': _broad, 'conifer': _conifer, 'column': _column, 'bare': _bare, 'young': _young,
    'palm': _palm,
}  # fmt: skip
_ALONG = (0.26, 0.24, 0.06, 0.08, 0.14, 0.16, 0.06)
_PLANTS = {**_TREES, 'bush': _bush, 'grass': _high_grass}
_FREE = (0.14, 0.12, 0.12, 0.03, 0.05, 0.06, 0.01, 0.32, 0.15)
