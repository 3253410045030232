"""Kinds of street: cross-section of the road, how fast one drives, what stands and who moves beside it."""

from dataclasses import dataclass, replace

import numpy as np

from ..ground import RoadPlan, draw_plan

NO_CROSSING_M = 1e6
SHARP_M = 60.0
"""Radius of bends in which no crossing lies."""


@dataclass(frozen=True)
class Habits:
    """What a kind of street has beside its road.

    Args:
        ego_speed_mps: range, of those who do not stand.
        setback_m: range from the sidewalk to the fronts.
        fronts: weight of each of FRONTS; a field is nothing.
        floors: range of the storeys of blocks.
        tree_gap_m: range between street trees; 0 where there are none.
        pole_gap_m: range between lamps, signs and the like.
        grass_m: range of the strip between curb and sidewalk.
        free_plants: range of their number on open ground.
    """

    ego_speed_mps: tuple[float, float]
    setback_m: tuple[float, float]
    fronts: tuple[float, ...]
    floors: tuple[int, int] = (2, 7)
    tree_gap_m: tuple[float, float] = (5.0, 15.0)
    pole_gap_m: tuple[float, float] = (5.0, 20.0)
    grass_m: tuple[float, float] = (0.0, 0.0)
    free_plants: tuple[int, int] = (30, 110)


FRONTS = ('block', 'house', 'wall', 'fence', 'hedge', 'rail', 'grove', 'field')
STREETS = {
    'city': Habits((3.0, 13.0), (0.2, 5.0), (0.46, 0.05, 0.06, 0.07, 0.12, 0.02, 0.17, 0.05)),
    'residential': Habits(
        (3.0, 10.0), (1.0, 8.0), (0.05, 0.3, 0.06, 0.1, 0.24, 0.0, 0.2, 0.05), grass_m=(0.0, 2.2),
        free_plants=(80, 180),
    ),
    'one_way': Habits((3.0, 10.0), (0.1, 3.0), (0.54, 0.1, 0.06, 0.06, 0.08, 0.0, 0.12, 0.04)),
    'highway': Habits(
        (15.0, 32.0), (1.0, 9.0), (0.07, 0.0, 0.1, 0.06, 0.12, 0.24, 0.31, 0.1), (1, 5), (0.0, 0.0), (25.0, 50.0),
    ),
    'country': Habits(
        (8.0, 24.0), (0.5, 8.0), (0.0, 0.07, 0.02, 0.1, 0.2, 0.05, 0.38, 0.18), (1, 2), (6.0, 25.0), (18.0, 50.0),
        free_plants=(80, 220),
    ),
    'alley': Habits(
        (1.0, 5.0), (0.0, 1.0), (0.46, 0.2, 0.18, 0.08, 0.04, 0.0, 0.04, 0.0), (1, 6), (0.0, 0.0), (8.0, 30.0)
    ),
    'car_park': Habits(
        (0.5, 4.0), (1.0, 12.0), (0.3, 0.0, 0.07, 0.14, 0.2, 0.0, 0.23, 0.06), (1, 3), (7.0, 20.0), (12.0, 30.0),
        free_plants=(40, 120),
    ),
}  # fmt: skip
CHANCES = {
    'city': 0.32, 'residential': 0.22, 'one_way': 0.09, 'highway': 0.09, 'country': 0.11, 'alley': 0.08,
    'car_park': 0.09,
}  # fmt: skip


@dataclass(frozen=True)
class Street:
    """A drawn street: kind, cross-section, width of the grass strip behind the curb, oncoming traffic or not."""

    kind: str
    plan: RoadPlan
    grass_m: float
    one_way: bool

    @property
    def habits(self) -> Habits:
        """Of its kind."""
        return STREETS[self.kind]


def draw_street(rng: np.random.Generator) -> Street:
    """A street of a drawn kind: the plan of the miniatures, with another cross-section."""
    kind = str(rng.choice(list(CHANCES), p=list(CHANCES.values())))
    plan = draw_plan(rng)
    if kind in ('highway', 'alley', 'car_park'):
        plan = replace(plan, crossing_s_m=NO_CROSSING_M)
    elif rng.random() < 0.35 and abs(plan.course.curvature_per_m) < 1.0 / SHARP_M:  # before or on a crossing
        plan = replace(plan, crossing_s_m=float(rng.uniform(-12.0, 25.0)))
    grass = float(rng.uniform(*STREETS[kind].grass_m))
    wider = {} if kind == 'city' else _CROSS_SECTIONS[kind](rng)
    plan = replace(plan, **wider)
    return Street(kind, replace(plan, sidewalk_m=plan.sidewalk_m + grass), grass, kind == 'one_way')


def _residential(rng: np.random.Generator) -> dict:
    return dict(
        lanes=1, lane_width_m=float(rng.uniform(2.6, 3.3)), median_half_m=0.0, parking_m=float(rng.uniform(1.9, 2.4)),
        sidewalk_m=float(rng.uniform(1.2, 2.2)), curb_m=float(rng.uniform(0.03, 0.16)), paved_side=0,
    )  # fmt: skip


def _one_way(rng: np.random.Generator) -> dict:
    return dict(
        lanes=1, lane_width_m=float(rng.uniform(1.7, 3.3)), median_half_m=0.0, sidewalk_m=float(rng.uniform(1.5, 4.5))
    )


def _highway(rng: np.random.Generator) -> dict:
    return dict(
        lanes=int(rng.integers(2, 5)), lane_width_m=float(rng.uniform(3.4, 3.8)),
        median_half_m=float(rng.uniform(0.6, 4.0)), parking_m=float(rng.uniform(1.0, 3.0)), sidewalk_m=0.0,
        curb_m=float(rng.choice([0.0, 0.12])), paved_side=0,
    )  # fmt: skip


def _country(rng: np.random.Generator) -> dict:
    return dict(
        lanes=1, lane_width_m=float(rng.uniform(2.6, 3.6)), median_half_m=0.0, parking_m=float(rng.uniform(0.0, 0.8)),
        sidewalk_m=float(rng.choice([0.0, 1.5], p=[0.8, 0.2])), curb_m=float(rng.choice([0.0, 0.1])), paved_side=0,
    )  # fmt: skip


def _alley(rng: np.random.Generator) -> dict:
    return dict(
        lanes=1, lane_width_m=float(rng.uniform(1.3, 2.4)), median_half_m=0.0, parking_m=float(rng.uniform(0.0, 0.6)),
        sidewalk_m=float(rng.uniform(0.3, 1.2)), curb_m=float(rng.uniform(0.0, 0.12)),
        paved_side=int(rng.choice([-1, 1])),
    )  # fmt: skip


def _car_park(rng: np.random.Generator) -> dict:
    """Lanes of 2.6 m have their paint as bays have; the rows of cars stand across them."""
    return dict(
        lanes=int(rng.integers(6, 12)), lane_width_m=float(rng.uniform(2.5, 2.8)), median_half_m=0.0, parking_m=0.0,
        sidewalk_m=float(rng.uniform(0.5, 2.5)), curb_m=float(rng.uniform(0.05, 0.16)),
    )  # fmt: skip


_CROSS_SECTIONS = {
    'residential': _residential, 'one_way': _one_way, 'highway': _highway, 'country': _country, 'alley': _alley,
    'car_park': _car_park,
}  # fmt: skip
