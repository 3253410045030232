"""What stands on poles or beside the road: lamps, signs, lights, benches, shelters, boxes, bollards, gantries."""

from collections.abc import Callable

import numpy as np

from ..ground import Ground
from ..scenery import MANMADE, REACH_M
from ..shapes import BOX, CYLINDER, Shape, rotation
from .streets import Street


class Spot:
    """A place beside the road, and how to put boxes and posts around it.

    Args:
        shape: what is added to.
        xyz: (3,) m in the scene frame, on the ground.
        heading_rad: of the street there.
        side: 1 left of the street, -1 right.
    """

    def __init__(self, shape: Shape, xyz: tuple[float, float, float], heading_rad: float, side: int) -> None:
        self.shape, self.xyz, self.side = shape, xyz, side
        self.turn = rotation(heading_rad)

    def _at(self, along: float, inward: float, up: float) -> tuple[float, float, float]:
        """Along the street, towards it, up."""
        x, y = np.array(self.xyz[:2]) + along * self.turn[:2, 0] - self.side * inward * self.turn[:2, 1]
        return float(x), float(y), self.xyz[2] + up

    def box(
        self, place: tuple[float, float, float], half: tuple[float, float, float], part: str = 'metal',
        reflectivity: float = 0.25, density: float = 1.0,
    ) -> None:  # fmt: skip
        """A box parallel to the street."""
        self.shape.add(
            BOX, self._at(*place), half, label=MANMADE, reflectivity=reflectivity, density=density, turn=self.turn,
            part=part,
        )  # fmt: skip

    def post(
        self, radius_m: float, height_m: float, part: str = 'pole', along: float = 0.0, inward: float = 0.0
    ) -> None:
        """An upright cylinder from the ground."""
        half = (radius_m, radius_m, height_m / 2)
        place = self._at(along, inward, height_m / 2)
        self.shape.add(CYLINDER, place, half, label=MANMADE, reflectivity=0.25, part=part)


def _lamp(spot: Spot, rng: np.random.Generator) -> None:
    height, arm = float(rng.uniform(3.5, 11.0)), float(rng.uniform(0.0, 1.6))
    spot.post(float(rng.uniform(0.05, 0.14)), height)
    spot.box((0.0, arm, height), (0.14, max(arm, 0.25), 0.07), 'pole')
    if rng.random() < 0.3:
        spot.box((0.0, 0.12, 0.6 * height), (0.25, 0.03, 0.7), 'panel')


def _sign(spot: Spot, rng: np.random.Generator) -> None:
    """One or two plates that face along the street."""
    height = float(rng.uniform(2.0, 3.4))
    spot.post(float(rng.uniform(0.03, 0.05)), height)
    for level in range(int(rng.integers(1, 3))):
        half = (0.02, float(rng.uniform(0.2, 0.45)), float(rng.uniform(0.15, 0.4)))
        spot.box((0.0, 0.0, height - 0.35 - 0.75 * level), half, 'sign', 3.0 * float(rng.uniform(0.5, 1.5)))


def _large_sign(spot: Spot, rng: np.random.Generator) -> None:
    half, height = (0.04, float(rng.uniform(0.9, 2.2)), float(rng.uniform(0.6, 1.3))), float(rng.uniform(1.5, 2.6))
    for side in (-0.7, 0.7):
        spot.post(0.06, height + half[2], inward=side * half[1])
    spot.box((0.0, 0.0, height + half[2]), half, 'sign', 3.0 * float(rng.uniform(0.5, 1.5)))


def _light(spot: Spot, rng: np.random.Generator) -> None:
    """Traffic lights, some of them over the road."""
    height = float(rng.uniform(3.0, 6.5))
    spot.post(float(rng.uniform(0.06, 0.12)), height)
    spot.box((0.0, 0.0, min(height, 3.4) - 0.5), (0.16, 0.18, 0.5), 'metal', 0.1)
    if height > 5.0:
        reach = float(rng.uniform(1.5, 3.5))
        spot.box((0.0, reach, height - 0.1), (0.07, reach, 0.07), 'pole')
        spot.box((0.0, 2 * reach - 0.3, height - 0.5), (0.16, 0.18, 0.5), 'metal', 0.1)


def _bollards(spot: Spot, rng: np.random.Generator) -> None:
    radius, height, gap = float(rng.uniform(0.04, 0.12)), float(rng.uniform(0.6, 1.1)), float(rng.uniform(1.0, 2.2))
    for k in range(int(rng.integers(1, 7))):
        spot.post(radius, height, along=gap * k)


def _bench(spot: Spot, rng: np.random.Generator) -> None:
    spot.box((0.0, -0.8, 0.45), (0.85, 0.22, 0.04), 'timber')
    spot.box((0.0, -1.02, 0.7), (0.85, 0.03, 0.2), 'timber')
    for along in (-0.7, 0.7):
        spot.box((along, -0.8, 0.22), (0.04, 0.2, 0.22))


def _shelter(spot: Spot, rng: np.random.Generator) -> None:
    """Of a bus stop: glass on three sides under a roof."""
    half = float(rng.uniform(1.4, 2.4))
    spot.box((0.0, -1.6, 1.25), (half, 0.02, 1.05), 'glass', 0.1, 0.5)
    for along in (-half, half):
        spot.box((along, -1.1, 1.25), (0.02, 0.5, 1.05), 'glass', 0.1, 0.5)
        spot.post(0.05, 2.4, along=along, inward=-1.6)
    spot.box((0.0, -1.0, 2.45), (half + 0.1, 0.8, 0.06))


def _cabinet(spot: Spot, rng: np.random.Generator) -> None:
    half = (float(rng.uniform(0.2, 0.8)), float(rng.uniform(0.15, 0.3)), float(rng.uniform(0.3, 0.8)))
    spot.box((0.0, -0.6, half[2]), half, 'panel')


def _utility(spot: Spot, rng: np.random.Generator) -> None:
    """A wooden pole of the power line."""
    height = float(rng.uniform(7.0, 11.0))
    spot.post(float(rng.uniform(0.1, 0.17)), height, 'trunk')
    spot.box((0.0, 0.0, height - 0.6), (0.06, 1.1, 0.06), 'timber')


def _delineator(spot: Spot, rng: np.random.Generator) -> None:
    """A white post with a reflector, at the edge of country roads and highways."""
    spot.box((0.0, 0.0, 0.5), (0.06, 0.06, 0.5), 'metal', 0.5)
    spot.box((0.0, 0.0, 0.85), (0.07, 0.04, 0.09), 'sign', 3.0)


def _column(spot: Spot, rng: np.random.Generator) -> None:
    """For posters, or a hydrant."""
    spot.post(*((0.6, 2.8) if rng.random() < 0.3 else (0.13, 0.8)), 'panel', inward=-0.7)


def _gantry(spot: Spot, rng: np.random.Generator) -> None:
    """Signs over the lanes of one direction."""
    reach, height = float(rng.uniform(4.0, 7.0)), float(rng.uniform(5.5, 6.8))
    spot.post(0.25, height)
    spot.box((0.0, reach, height), (0.3, reach, 0.3), 'metal', density=0.6)
    for share in (0.6, 1.4):
        spot.box((-0.35, share * reach, height + 0.3), (0.05, 1.5, 1.1), 'sign', 3.0)


_IN_TOWN: dict[Callable, float] = {
    _lamp: 0.3, _sign: 0.22, _light: 0.08, _bollards: 0.12, _bench: 0.05, _shelter: 0.03, _cabinet: 0.08, _column: 0.06,
    _large_sign: 0.02, _utility: 0.04,
}  # fmt: skip
_OUTSIDE: dict[Callable, float] = {
    _delineator: 0.46, _sign: 0.14, _utility: 0.16, _lamp: 0.12, _large_sign: 0.06, _cabinet: 0.04, _shelter: 0.02,
}  # fmt: skip
_FAST: dict[Callable, float] = {_delineator: 0.4, _lamp: 0.3, _large_sign: 0.18, _gantry: 0.06, _sign: 0.06}
_KINDS = {'highway': _FAST, 'country': _OUTSIDE}


def build_furniture(shape: Shape, street: Street, ground: Ground, side: int, rng: np.random.Generator) -> None:
    """Walk along one side, a little behind the curb."""
    plan, habits = street.plan, street.habits
    kinds = _KINDS.get(street.kind, _IN_TOWN)
    builders, weights = list(kinds), np.array(list(kinds.values()))
    s, out = -REACH_M, float(rng.uniform(0.3, 0.7))
    while s < REACH_M:
        s += float(rng.uniform(*habits.pole_gap_m))
        x, y, heading = plan.course.at(s, side * (plan.half_width_m + out))
        if max(abs(x), abs(y)) < REACH_M and ground.edge_at(x, y) > 0.2:
            build = builders[int(rng.choice(len(builders), p=weights / weights.sum()))]
            build(Spot(shape, (x, y, ground.height_at(x, y)), heading, side), rng)
