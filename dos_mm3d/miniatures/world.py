"""One scene of the procedural world: ground, scenery, actors, and the motion of all of them and of the ego vehicle."""

from dataclasses import dataclass

import numpy as np

from .ground import Ground, RoadPlan, build_ground, draw_plan
from .scenery import build_scenery
from .shapes import BOX, Primitives, Shape, pack, rotation
from .taxonomy import LABEL
from .traffic import Actor, Placer, populate

SWEEP_PERIOD_S = 0.05
LIDAR_FORWARD_M, LIDAR_HEIGHT_M = 0.94, 1.84
EGO_SIZE_M = np.array([4.1, 1.75, 1.6])
EGO_CENTRE_FORWARD_M = 1.4
"""The ego frame has its origin on the ground under the rear axle (nuScenes), its body reaches ahead of that."""


@dataclass(frozen=True)
class Pose:
    """Child -> parent: parent = turn (3, 3) @ child + origin (3,), metres."""

    turn: np.ndarray
    origin: np.ndarray

    def after(self, inner: 'Pose') -> 'Pose':
        """Composition: first `inner`, then this pose."""
        return Pose(self.turn @ inner.turn, self.turn @ inner.origin + self.origin)

    def inverse(self) -> 'Pose':
        """Parent -> child."""
        return Pose(self.turn.T, -self.turn.T @ self.origin)


@dataclass(frozen=True)
class Scene:
    """Everything that a sweep is rendered from. Owner 0 of the primitives is the scenery, 1 the ego vehicle, 2 + i
    actor i."""

    plan: RoadPlan
    ground: Ground
    primitives: Primitives
    actors: list[Actor]
    ego_s_m: float
    ego_d_m: float
    ego_speed_mps: float
    sway: np.ndarray
    lidar: Pose
    intensity_gain: float
    offset_m: np.ndarray

    def ego_pose(self, t: float) -> Pose:
        """Ego -> scene frame at t seconds: on the road, swaying on its springs, so no two scans see the ground
        alike."""
        x, y, heading = self.plan.course.at(self.ego_s_m + self.ego_speed_mps * t, self.ego_d_m)
        ahead = self.plan.course.at(self.ego_s_m + self.ego_speed_mps * t + 2.6, self.ego_d_m)
        z, z_ahead = self.ground.height_at(x, y), self.ground.height_at(*ahead[:2])
        left, right = (
            self.ground.height_at(x - side * 0.8 * np.sin(heading), y + side * 0.8 * np.cos(heading))
            for side in (1, -1)
        )
        amplitude, frequency, phase = self.sway
        bob, pitch, roll = (amplitude * np.sin(2 * np.pi * frequency * t + phase)).tolist()
        turn = rotation(heading, np.arctan2(z - z_ahead, 2.6) + pitch, np.arctan2(left - right, 1.6) + roll)
        return Pose(turn, np.array([x, y, z + bob]))

    def lidar_pose(self, t: float) -> Pose:
        """LiDAR -> scene frame at t seconds."""
        return self.ego_pose(t).after(self.lidar)

    def actor_pose(self, actor: Actor, t: float) -> Pose:
        """Object -> scene frame: upright on the ground under its centre."""
        x, y, heading = self.plan.course.at(actor.s_m + actor.speed_mps * t, actor.d_m)
        return Pose(rotation(heading + actor.yaw_rad), np.array([x, y, self.ground.height_at(x, y)]))

    def boxes(self, t: float) -> np.ndarray:
        """(A, 7) box centre x, y, z, length, width, height (m), yaw (rad) of every actor in the scene frame."""
        rows = np.empty((len(self.actors), 7))
        for row, actor in zip(rows, self.actors):
            pose = self.actor_pose(actor, t)
            row[:3], row[3:6] = pose.origin, actor.size_m
            row[2] += actor.size_m[2] / 2
            row[6] = np.arctan2(pose.turn[1, 0], pose.turn[0, 0])
        return rows


def _ego_body() -> Shape:
    """Bonnet, roof rails and tail, which cut off the lowest beams as on the real car; in the ego frame."""
    shape, label = Shape(), LABEL['vehicle.ego']
    shape.add(BOX, (0.94, 0.0, 1.4), (0.55, 0.5, 0.14), label=label, reflectivity=0.3, density=1.0)
    shape.add(BOX, (2.75, 0.0, 0.7), (0.65, 0.8, 0.2), label=label, reflectivity=0.3, density=1.0)
    shape.add(BOX, (-0.35, 0.0, 0.95), (0.3, 0.75, 0.2), label=label, reflectivity=0.3, density=1.0)
    return shape


def _draw_sway(rng: np.random.Generator) -> np.ndarray:
    """(3, 3) amplitude, frequency (Hz), phase of bob (m), pitch and roll (rad)."""
    amplitude = np.array([0.06, 0.008, 0.01]) * rng.uniform(0.5, 1.5, 3)
    return np.stack([amplitude, rng.uniform(0.7, 2.2, 3), rng.uniform(0, 2 * np.pi, 3)])


def _lidar_mount(rng: np.random.Generator) -> Pose:
    """LiDAR -> ego: x of the sensor to the right, y forward, z up (nuScenes), mounted a little differently in every
    scene."""
    tilt = rng.normal(0.0, 0.012, 2)
    turn = rotation(-np.pi / 2 + rng.normal(0.0, 0.005), float(tilt[0]), float(tilt[1]))
    return Pose(turn, np.array([LIDAR_FORWARD_M, 0.0, LIDAR_HEIGHT_M + rng.uniform(-0.12, 0.2)]))


def build_scene(seed: int, split: str, index: int, duration_s: float) -> Scene:
    """Scene `index` of a split; a pure function of its arguments. The first scene of a split holds all ten classes."""
    rng = np.random.default_rng([seed, 0 if split == 'train' else 1, index])
    plan = draw_plan(rng)
    ground = build_ground(plan, rng)
    speed = 0.0 if rng.random() < 0.1 else float(rng.uniform(3.0, 12.0))
    lane = int(rng.integers(plan.lanes))
    ego_s, ego_d = -speed * duration_s / 2, -plan.lane_centre_m(lane)
    placer = Placer(plan, ground, duration_s, rng)
    placer.block(ego_s + EGO_CENTRE_FORWARD_M, ego_d, EGO_SIZE_M + np.array([4.0, 0.4, 0.0]), speed)
    actors = populate(placer, speed, lane, everything=index == 0)
    shapes = [build_scenery(plan, ground, rng), _ego_body(), *(actor.shape for actor in actors)]
    return Scene(
        plan=plan,
        ground=ground,
        primitives=pack(shapes),
        actors=actors,
        ego_s_m=ego_s,
        ego_d_m=ego_d,
        ego_speed_mps=speed,
        sway=_draw_sway(rng),
        lidar=_lidar_mount(rng),
        intensity_gain=float(np.exp(rng.normal(0.0, 0.35))),
        offset_m=np.array([*rng.uniform(300.0, 1800.0, 2), 0.0]),
    )
