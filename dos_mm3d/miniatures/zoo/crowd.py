"""Who is on which kind of street: the placings of the miniatures in other mixtures, and rows, groups and queues."""

from collections.abc import Callable

import numpy as np

from ..traffic import (
    LANE_MIX,
    Actor,
    Placer,
    crossing_traffic,
    draw_kind,
    large_vehicles,
    moving_lanes,
    parked_rows,
    pedestrians,
    place_somewhere,
    street_furniture,
    two_wheelers,
    work_zone,
)
from .streets import Street

HIGHWAY_MIX = (('car', 0.78), ('truck', 0.12), ('bus', 0.03), ('trailer', 0.05), ('motorcycle', 0.02))
LARGE = ('bus', 'trailer', 'construction_vehicle', 'truck')


def fill(placer: Placer, street: Street, ego_speed_mps: float, ego_lane: int) -> list[Actor]:
    """All actors of a scene; rare ones first, so that they find room."""
    rng = placer.rng
    wanted = {kind for kind in LARGE if rng.random() < 0.2}
    wanted |= {kind for kind in ('motorcycle', 'bicycle') if rng.random() < 0.5}
    work_zone(placer, 'construction_vehicle' in wanted, rng.random() < 0.15)
    _CROWDS[street.kind](placer, street, wanted, ego_speed_mps, ego_lane)
    return placer.actors


def _town(placer: Placer, street: Street, wanted: set[str], speed: float, lane: int) -> None:
    large_vehicles(placer, wanted, speed)
    two_wheelers(placer, wanted)
    _lanes(placer, street, speed, lane)
    parked_rows(placer)
    crossing_traffic(placer)
    pedestrians(placer)
    _groups(placer)
    _cyclists(placer)
    street_furniture(placer)


def _quiet(placer: Placer, street: Street, wanted: set[str], speed: float, lane: int) -> None:
    """Residential streets: parked cars, few that move."""
    if placer.rng.random() < 0.4:
        large_vehicles(placer, wanted, speed)
    two_wheelers(placer, wanted)
    if placer.rng.random() < 0.6:
        _lanes(placer, street, speed, lane)
    parked_rows(placer)
    crossing_traffic(placer)
    _walkers(placer, int(placer.rng.integers(0, 7)))
    _cyclists(placer)
    street_furniture(placer)


def _fast(placer: Placer, street: Street, wanted: set[str], speed: float, lane: int) -> None:
    """Highways: columns of lorries and cars, no one on foot."""
    _columns(placer, speed, lane, HIGHWAY_MIX)


def _rural(placer: Placer, street: Street, wanted: set[str], speed: float, lane: int) -> None:
    _columns(placer, speed, lane, LANE_MIX, gap_m=35.0)
    _walkers(placer, int(placer.rng.integers(0, 3)))
    if placer.rng.random() < 0.5:
        _cyclists(placer)


def _narrow(placer: Placer, street: Street, wanted: set[str], speed: float, lane: int) -> None:
    """An alley: cars at one side, people in the middle, bins."""
    plan, rng = placer.plan, placer.rng
    side = float(rng.choice([-1.0, 1.0]))
    for s in np.arange(-60.0, 60.0, 6.5):
        if rng.random() < 0.25:
            d = side * (plan.half_width_m - 0.7)
            placer.place('car', float(s), d, yaw_rad=float(rng.choice([0.0, np.pi])), parked=True)
    for _ in range(int(rng.integers(0, 9))):
        d = float(rng.choice([-1.0, 1.0])) * (plan.half_width_m + 0.1)
        placer.place('bin', float(rng.uniform(-40.0, 40.0)), d, parked=True)
    _walkers(placer, int(rng.integers(2, 12)), inside=True)
    two_wheelers(placer, wanted)


def _bays(placer: Placer, street: Street, wanted: set[str], speed: float, lane: int) -> None:
    """A car park: rows of cars across, an aisle between two rows, people on foot."""
    plan, rng = placer.plan, placer.rng
    occupancy, reach = float(rng.uniform(0.2, 0.9)), plan.half_width_m
    for d in np.arange(-reach + 2.8, reach - 2.0, 8.3):
        for offset, yaw in ((0.0, np.pi / 2), (5.1, -np.pi / 2)):
            if abs(d + offset) > reach - 2.0:
                continue
            for s in np.arange(-48.0, 48.0, 2.65):
                if rng.random() < occupancy:
                    turned = yaw + float(rng.choice([0.0, np.pi])) + float(rng.normal(0.0, 0.03))
                    place = float(s + rng.normal(0.0, 0.08)), float(d + offset + rng.normal(0.0, 0.15))
                    placer.place('car', *place, yaw_rad=turned, parked=True)
    _walkers(placer, int(rng.integers(2, 14)), inside=True)
    if 'truck' in wanted:
        place_somewhere(placer, 'truck', 30.0, float(rng.uniform(-reach, reach)), parked=True)


def _lanes(placer: Placer, street: Street, speed: float, lane: int) -> None:
    if street.one_way:
        _columns(placer, speed, lane, LANE_MIX, oncoming=1)
    elif placer.rng.random() < 0.2:
        _columns(placer, speed, lane, LANE_MIX, gap_m=7.5)  # a queue
    else:
        moving_lanes(placer, speed, lane)


def _columns(placer: Placer, speed: float, lane: int, mix: tuple, gap_m: float = 0.0, oncoming: int = -1) -> None:
    """One column a lane, at about the ego vehicle's speed. gap_m: mean distance, 0: draw it; oncoming: the direction of
    the left lanes."""
    plan, rng = placer.plan, placer.rng
    for direction in (1, -1):
        heads = 1 if direction == 1 else oncoming
        for k in range(plan.lanes):
            own = direction == 1 and k == lane
            pace = speed if own else speed * float(rng.uniform(0.6, 1.2)) + float(rng.uniform(0.0, 1.0))
            gap = gap_m or float(rng.uniform(12.0, 45.0))
            s = -78.0 + float(rng.uniform(0.0, gap))
            while s < 78.0:
                kind = draw_kind(rng, mix)
                d = -direction * plan.lane_centre_m(k) + float(rng.normal(0.0, 0.15))
                placer.place(
                    kind, s, d, yaw_rad=0.0 if heads == 1 else np.pi, speed_mps=heads * pace,
                    with_rider=kind in ('motorcycle', 'bicycle'),
                )  # fmt: skip
                s += max(gap * float(rng.uniform(0.6, 1.6)), 6.0)


def _walkers(placer: Placer, count: int, inside: bool = False) -> None:
    """People alone; inside: on the driveable surface as well."""
    plan, rng = placer.plan, placer.rng
    for _ in range(count):
        reach = plan.half_width_m + max(plan.sidewalk_m, 0.5)
        d = float(rng.uniform(0.0 if inside else plan.half_width_m + 0.3, reach)) * float(rng.choice([-1.0, 1.0]))
        _person(placer, float(rng.uniform(-40.0, 40.0)), d)


def _groups(placer: Placer) -> None:
    """Dense groups: at a crossing, a stop, a door."""
    plan, rng = placer.plan, placer.rng
    for _ in range(int(rng.integers(0, 4))):
        side, s = float(rng.choice([-1.0, 1.0])), float(rng.uniform(-30.0, 30.0))
        for _ in range(int(rng.integers(3, 10))):
            d = plan.half_width_m + 0.4 + abs(float(rng.normal(0.0, 1.0)))
            _person(placer, s + float(rng.normal(0.0, 1.5)), side * d, standing=0.7)


def _person(placer: Placer, s: float, d: float, standing: float = 0.3) -> None:
    rng = placer.rng
    speed = 0.0 if rng.random() < standing else float(rng.normal(1.3, 0.25)) * float(rng.choice([-1.0, 1.0]))
    yaw = float(rng.uniform(-np.pi, np.pi)) if speed == 0.0 else (0.0 if speed > 0 else np.pi)
    placer.place('child' if rng.random() < 0.1 else 'pedestrian', s, d, yaw_rad=yaw, speed_mps=speed)


def _cyclists(placer: Placer) -> None:
    """Two to five riders one behind the other, at times."""
    plan, rng = placer.plan, placer.rng
    if rng.random() < 0.65:
        return
    side, s, speed = float(rng.choice([-1.0, 1.0])), float(rng.uniform(-30.0, 20.0)), float(rng.uniform(3.0, 7.0))
    d = side * (plan.half_width_m - plan.parking_m - 0.6)
    yaw, speed = (np.pi, -speed) if side > 0 else (0.0, speed)
    for k in range(int(rng.integers(2, 6))):
        placer.place(
            'bicycle', s + 3.0 * k, d + float(rng.normal(0.0, 0.2)), yaw_rad=yaw, speed_mps=speed, with_rider=True
        )


_CROWDS: dict[str, Callable] = {
    'city': _town,
    'one_way': _town,
    'residential': _quiet,
    'highway': _fast,
    'country': _rural,
    'alley': _narrow,
    'car_park': _bays,
}
