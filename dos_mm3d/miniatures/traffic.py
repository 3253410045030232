"""Who is on the road: moving and parked vehicles, cycles, pedestrians, a work zone. Placed without overlap,
long-tailed.

Rare classes are placed on purpose: the first scene of each split holds all ten, every other scene each with
RARE_CHANCE."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from .ground import Ground, RoadPlan
from .objects import build_shape, draw_size
from .shapes import Shape

RARE_CHANCE = 0.5
LANE_MIX = (('car', 0.84), ('truck', 0.06), ('bus', 0.03), ('motorcycle', 0.04), ('bicycle', 0.03))
PARKED_MIX = (('car', 0.92), ('truck', 0.05), ('motorcycle', 0.03))


@dataclass(frozen=True)
class Actor:
    """One annotated object: it keeps its lateral distance d and moves at constant speed along the course.

    size_m (3,) length, width, height; s_m at t = 0; yaw relative to the course; speed signed along the course."""

    kind: str
    size_m: np.ndarray
    shape: Shape
    s_m: float
    d_m: float
    yaw_rad: float
    speed_mps: float
    with_rider: bool
    parked: bool


class Placer:
    """Puts actors on a road, refusing overlaps with those already there, at the start, middle and end of the scene.

    Args:
        plan: the road.
        ground: of the scene.
        duration_s: length of the scene.
        rng: of everything that is drawn for the actors.
        draw_size: size of an actor of a kind, see objects.py.
        build_shape: primitives of an actor of a kind and size, see objects.py.
    """

    def __init__(
        self,
        plan: RoadPlan,
        ground: Ground,
        duration_s: float,
        rng: np.random.Generator,
        draw_size: Callable[..., np.ndarray] = draw_size,
        build_shape: Callable[..., Shape] = build_shape,
    ) -> None:
        self.plan, self.ground, self.rng, self.duration_s = plan, ground, rng, duration_s
        self._draw_size, self._build_shape = draw_size, build_shape
        self.actors: list[Actor] = []
        self._circles: list[list[tuple[np.ndarray, float]]] = []
        self._anchors, self._reach = np.empty((0, 3, 2)), np.empty((0, 3))

    def block(self, s: float, d: float, size_m: np.ndarray, speed_mps: float) -> None:
        """Reserve the room of something that is not an actor: the ego vehicle."""
        self._keep(self._footprint(s, d, 0.0, size_m, speed_mps))

    def place(
        self,
        kind: str,
        s: float,
        d: float,
        *,
        yaw_rad: float = 0.0,
        speed_mps: float = 0.0,
        with_rider: bool = False,
        parked: bool = False,
        size_m: np.ndarray | None = None,
    ) -> bool:
        """Add one actor if there is room; says whether it did."""
        size = self._draw_size(kind, self.rng, with_rider) if size_m is None else size_m
        circles = self._footprint(s, d, yaw_rad, size, speed_mps)
        if not self._free(circles):
            return False
        shape = self._build_shape(kind, size, self.rng, with_rider)
        self.actors.append(Actor(kind, size, shape, s, d, yaw_rad, speed_mps, with_rider, parked))
        self._keep(circles)
        return True

    def _footprint(
        self, s: float, d: float, yaw: float, size: np.ndarray, speed: float
    ) -> list[tuple[np.ndarray, float]]:
        """Circles that cover the footprint, at three moments."""
        long, short = max(size[0], size[1]), min(size[0], size[1])
        turn = 0.0 if size[0] >= size[1] else np.pi / 2
        offsets = np.linspace(-(long - short) / 2, (long - short) / 2, int(np.ceil(long / short)) + 1)
        moments = []
        for t in (0.0, self.duration_s / 2, self.duration_s):
            x, y, heading = self.plan.course.at(s + speed * t, d)
            angle = heading + yaw + turn
            centres = np.stack([x + offsets * np.cos(angle), y + offsets * np.sin(angle)], 1)
            moments.append((centres, 0.6 * short + 0.1))
        return moments

    def _free(self, circles: list[tuple[np.ndarray, float]]) -> bool:
        anchors, reach = _span(circles)
        close = (np.linalg.norm(self._anchors - anchors, axis=2) < self._reach + reach).any(1)
        for k in np.flatnonzero(close):
            for (centres, radius), (their_centres, their_radius) in zip(circles, self._circles[k]):
                gap = np.linalg.norm(centres[:, None] - their_centres[None], axis=2).min()
                if gap < radius + their_radius:
                    return False
        return True

    def _keep(self, circles: list[tuple[np.ndarray, float]]) -> None:
        anchors, reach = _span(circles)
        self._circles.append(circles)
        self._anchors = np.concatenate([self._anchors, anchors[None]])
        self._reach = np.concatenate([self._reach, reach[None]])


def _span(circles: list[tuple[np.ndarray, float]]) -> tuple[np.ndarray, np.ndarray]:
    """First centre (3, 2) of a footprint at each moment, and how far (3,) it reaches from there."""
    anchors = np.array([centres[0] for centres, _ in circles])
    reach = [np.linalg.norm(centres[-1] - centres[0]) + radius + 1e-6 for centres, radius in circles]
    return anchors, np.array(reach)


def populate(placer: Placer, ego_speed_mps: float, ego_lane: int, everything: bool) -> list[Actor]:
    """Fill a scene; `everything` forces all ten classes to be present."""
    rng = placer.rng
    wanted = {
        k for k in ('bus', 'trailer', 'construction_vehicle', 'truck') if everything or rng.random() < RARE_CHANCE
    }
    wanted |= {k for k in ('motorcycle', 'bicycle', 'zone') if everything or rng.random() < RARE_CHANCE + 0.15}
    work_zone(placer, 'construction_vehicle' in wanted, 'zone' in wanted)
    large_vehicles(placer, wanted, ego_speed_mps)
    two_wheelers(placer, wanted)
    moving_lanes(placer, ego_speed_mps, ego_lane)
    parked_rows(placer)
    crossing_traffic(placer)
    pedestrians(placer)
    street_furniture(placer)
    return placer.actors


def draw_kind(rng: np.random.Generator, mix: tuple) -> str:
    names, weights = zip(*mix)
    return str(rng.choice(names, p=np.array(weights) / sum(weights)))


def place_somewhere(placer: Placer, kind: str, near_m: float, d: float, **options: object) -> bool:
    """Try twelve places along the road, within near_m of the middle."""
    return any(placer.place(kind, float(placer.rng.uniform(-near_m, near_m)), d, **options) for _ in range(12))


def work_zone(placer: Placer, with_machine: bool, with_zone: bool) -> None:
    """A closed stretch of one parking lane: barriers, a taper of cones, workers, perhaps an excavator."""
    rng, plan = placer.rng, placer.plan
    side, start = int(rng.choice([-1, 1])), float(rng.uniform(-16.0, 4.0))
    edge = plan.half_width_m - plan.parking_m
    if with_machine:
        d = side * (plan.half_width_m - 0.3)
        yaw = float(rng.uniform(-0.5, 0.5)) + float(rng.choice([0.0, np.pi]))
        placer.place('construction_vehicle', start + 9.0, d, yaw_rad=yaw, parked=True) or place_somewhere(
            placer, 'construction_vehicle', 30.0, side * (plan.half_width_m + 0.5), yaw_rad=yaw, parked=True
        )
    if not with_zone:
        return
    size = draw_size('barrier', rng)
    for k in range(int(rng.integers(4, 12))):
        yaw = np.pi / 2 + rng.normal(0.0, 0.03)
        placer.place('barrier', start + k * (size[1] + 0.9), side * (edge - 0.1), yaw_rad=yaw, size_m=size)
    for k in range(int(rng.integers(3, 9))):
        placer.place('traffic_cone', start - 1.5 - 1.8 * k, side * (edge + 0.15 * k))
    for _ in range(int(rng.integers(1, 4))):
        d = side * float(rng.uniform(edge + 0.9, plan.half_width_m + 1.0))
        placer.place('worker', start + float(rng.uniform(0.0, 20.0)), d, yaw_rad=float(rng.uniform(-np.pi, np.pi)))


def large_vehicles(placer: Placer, wanted: set[str], ego_speed: float) -> None:
    """A bus and trucks in the outer lanes, a tractor with its trailer, or a trailer alone at the curb."""
    plan, rng = placer.plan, placer.rng
    oncoming, curb = plan.lane_centre_m(plan.lanes - 1), plan.half_width_m - plan.parking_m / 2
    if 'bus' in wanted:
        waiting = rng.random() < 0.5
        speed = 0.0 if waiting else -float(rng.uniform(4.0, 10.0))
        place_somewhere(placer, 'bus', 22.0, curb + 0.2 if waiting else oncoming, yaw_rad=np.pi, speed_mps=speed)
    if 'trailer' in wanted:
        for _ in range(12):
            s = float(rng.uniform(-25.0, 25.0))
            size = draw_size('trailer', rng)
            if placer.place('trailer', s, -curb - 0.2, parked=True, size_m=size):
                tractor = draw_size('truck', rng)
                placer.place('truck', s + size[0] / 2 + tractor[0] / 2 + 1.3, -curb - 0.2, parked=True, size_m=tractor)
                break
    if 'truck' in wanted:
        place_somewhere(placer, 'truck', 25.0, curb * float(rng.choice([-1.0, 1.0])), parked=True)


def two_wheelers(placer: Placer, wanted: set[str]) -> None:
    """Ridden between the lanes and the parked cars, or standing on the sidewalk."""
    plan, rng = placer.plan, placer.rng
    for kind, fastest in (('motorcycle', 9.0), ('bicycle', 5.0)):
        for _ in range(int(rng.integers(1, 4)) if kind in wanted else 0):
            side = float(rng.choice([-1.0, 1.0]))
            if rng.random() < 0.5:
                d = side * (plan.half_width_m - plan.parking_m - 0.6)
                yaw, speed = (np.pi, -1.0) if side > 0 else (0.0, 1.0)
                speed *= float(rng.uniform(2.0, fastest))
                place_somewhere(placer, kind, 20.0, d, yaw_rad=yaw, speed_mps=speed, with_rider=True)
            else:
                d = side * (plan.half_width_m + float(rng.uniform(0.7, 1.6)))
                place_somewhere(placer, kind, 20.0, d, yaw_rad=float(rng.uniform(-np.pi, np.pi)), parked=True)


def moving_lanes(placer: Placer, ego_speed: float, ego_lane: int) -> None:
    """Moving columns: one speed for each lane, that of the ego vehicle in its own; the right side goes forward."""
    plan, rng = placer.plan, placer.rng
    for direction in (1, -1):
        for lane in range(plan.lanes):
            speed = ego_speed if direction == 1 and lane == ego_lane else float(rng.uniform(3.0, 13.0))
            if rng.random() < 0.15 and not (direction == 1 and lane == ego_lane):
                speed = 0.0
            s = -75.0 + float(rng.uniform(0.0, 20.0))
            while s < 75.0:
                kind = draw_kind(rng, LANE_MIX)
                placer.place(
                    kind,
                    s,
                    -direction * (plan.lane_centre_m(lane) + float(rng.normal(0.0, 0.12))),
                    yaw_rad=0.0 if direction == 1 else np.pi,
                    speed_mps=direction * speed,
                    with_rider=kind in ('motorcycle', 'bicycle'),
                )
                s += float(rng.uniform(9.0, 16.0)) + max(speed, 1.0) * float(rng.uniform(0.5, 4.0))


def parked_rows(placer: Placer) -> None:
    plan, rng = placer.plan, placer.rng
    for side in (-1, 1):
        occupancy = float(rng.uniform(0.05, 0.75))
        for s in np.arange(-75.0, 75.0, 6.3):
            at_crossing = abs(s - plan.crossing_s_m) < plan.crossing_half_m + 9.0
            if rng.random() > occupancy or at_crossing:
                continue
            yaw = (0.0 if side < 0 else np.pi) + float(rng.normal(0.0, 0.03))
            d = side * (plan.half_width_m - plan.parking_m / 2 + float(rng.normal(0.0, 0.08)))
            placer.place(draw_kind(rng, PARKED_MIX), float(s + rng.normal(0.0, 0.3)), d, yaw_rad=yaw, parked=True)


def crossing_traffic(placer: Placer) -> None:
    """Cars that wait in the crossing road, both ways, as far as they stand clear of the main road."""
    plan, rng = placer.plan, placer.rng
    if plan.crossing_s_m > 1e5:
        return
    for side in (-1, 1):
        for k in range(int(rng.integers(0, 5))):
            d = side * (plan.half_width_m + 9.0 + 7.0 * k)
            s = plan.crossing_s_m + side * min(0.5 * plan.crossing_half_m, 2.4)
            placer.place(draw_kind(rng, LANE_MIX[:3]), s, d, yaw_rad=-side * np.pi / 2)


def pedestrians(placer: Placer) -> None:
    """On the sidewalks, alone or in groups; a few children."""
    plan, rng = placer.plan, placer.rng
    for _ in range(int(rng.integers(6, 22))):
        side = float(rng.choice([-1.0, 1.0]))
        s, d = (
            float(rng.uniform(-45.0, 45.0)),
            side * (plan.half_width_m + float(rng.uniform(0.6, plan.sidewalk_m - 0.4))),
        )
        forward = rng.random() < 0.5
        speed = 0.0 if rng.random() < 0.3 else float(rng.normal(1.3, 0.2)) * (1.0 if forward else -1.0)
        for k in range(int(rng.choice([1, 2, 3], p=[0.65, 0.25, 0.1]))):
            kind = 'child' if rng.random() < 0.08 else 'pedestrian'
            yaw = (0.0 if forward else np.pi) + float(rng.normal(0.0, 0.15))
            placer.place(kind, s + 0.9 * k, d + float(rng.normal(0.0, 0.2)), yaw_rad=yaw, speed_mps=speed)


def street_furniture(placer: Placer) -> None:
    """Bins on the sidewalk, stray cones, and sometimes a row of barriers that shields the sidewalk."""
    plan, rng = placer.plan, placer.rng
    for _ in range(int(rng.integers(0, 4))):
        side = float(rng.choice([-1.0, 1.0]))
        placer.place(
            'bin', float(rng.uniform(-40, 40)), side * (plan.half_width_m + plan.sidewalk_m - 0.5), parked=True
        )
    for _ in range(int(rng.integers(0, 4))):
        side = float(rng.choice([-1.0, 1.0]))
        placer.place('traffic_cone', float(rng.uniform(-25, 25)), side * (plan.half_width_m - rng.uniform(0.3, 2.0)))
    if rng.random() < 0.35:
        side, start, size = float(rng.choice([-1.0, 1.0])), float(rng.uniform(-25, 10)), draw_size('barrier', rng)
        for k in range(int(rng.integers(3, 9))):
            yaw = np.pi / 2
            placer.place(
                'barrier', start + k * (size[1] + 0.9), side * (plan.half_width_m + 0.35), yaw_rad=yaw, size_m=size
            )
