"""Spinning LiDARs after Velodyne's HDL-32E (nuScenes) and HDL-64E (KITTI).

A sweep is rendered at one instant: motion of the sensor and of the objects during the 50 ms of a turn is ignored."""

from dataclasses import dataclass

import numpy as np

from .raycast import GROUND, NOTHING, cast_ground, cast_primitives
from .shading import shade
from .taxonomy import LABEL
from .world import Pose, Scene

EGO_RETURN_CHANCE = 0.05


@dataclass(frozen=True)
class Sensor:
    """elevations_rad (B,) float64, rising; columns in a turn; range and its noise (one standard deviation); the
    intensity, 0-255, of a perfect echo nearby."""

    elevations_rad: np.ndarray
    columns: int
    max_range_m: float
    range_noise_m: float
    intensity_scale: float


HDL32E = Sensor(np.radians(np.linspace(-30.67, 10.67, 32)), 1080, 70.0, 0.015, 110.0)
HDL64E = Sensor(
    np.radians(np.concatenate([np.linspace(-24.33, -8.83, 32), np.linspace(-8.33, 2.0, 32)])), 2083, 80.0, 0.02, 300.0
)
"""Two blocks of 32 beams, half and a third of a degree apart (KITTI's manual of the sensor), at 10 turns a second."""


@dataclass(frozen=True)
class Sweep:
    """points (N, 5) float32 x, y, z (m, LiDAR frame), intensity 0-255 (whole numbers), ring from below; label (N,)
    uint8 lidarseg; owner (N,) int64: -1 ground, else the owner of the primitive; row (N,) int64: that primitive, -1
    ground; visible (G,) share of an owner's rays it got back."""

    points: np.ndarray
    label: np.ndarray
    owner: np.ndarray
    row: np.ndarray
    visible: np.ndarray


def beam_directions(first_azimuth_rad: float, sensor: Sensor = HDL32E) -> np.ndarray:
    """(columns, beams, 3) unit vectors, columns counter-clockwise from the first azimuth, beams from below."""
    azimuth = first_azimuth_rad + 2 * np.pi * np.arange(sensor.columns)[:, None] / sensor.columns
    flat = np.cos(sensor.elevations_rad)[None]
    up = np.broadcast_to(np.sin(sensor.elevations_rad), (sensor.columns, len(sensor.elevations_rad)))
    return np.ascontiguousarray(np.stack([flat * np.cos(azimuth), flat * np.sin(azimuth), up], -1))


def owner_poses(scene: Scene, t: float) -> tuple[np.ndarray, np.ndarray]:
    """Turn (G, 3, 3) and origin (G, 3) of every owner -> LiDAR frame."""
    to_lidar = scene.lidar_pose(t).inverse()
    still = Pose(np.eye(3), np.zeros(3))
    poses = [still, scene.ego_pose(t), *(scene.actor_pose(actor, t) for actor in scene.actors)]
    moved = [to_lidar.after(pose) for pose in poses]
    return np.stack([pose.turn for pose in moved]), np.stack([pose.origin for pose in moved])


@dataclass(frozen=True)
class Hits:
    """What the rays of one turn met, before the physics of the echo. A columns, B beams from below.

    rays (A, B, 3) unit vectors; distance (A, B) m, inf where nothing was met; row (A, B) int64 of the primitive, else
    GROUND or NOTHING; label (A, B) uint8; reflectivity, cosine of incidence (A, B); potential (G,) rays that meet an
    owner, whatever stands before it."""

    rays: np.ndarray
    distance: np.ndarray
    row: np.ndarray
    label: np.ndarray
    reflectivity: np.ndarray
    cosine: np.ndarray
    potential: np.ndarray


def render(scene: Scene, t: float, seed: int, key: tuple[int, ...], sensor: Sensor = HDL32E) -> Sweep:
    """One sweep of a scene at t seconds; noise and drop-outs are a function of (seed, *key)."""
    rng = np.random.default_rng([seed, *key])
    return _returns(sensor, scene, trace(scene, t, sensor, rng), rng)


def trace(scene: Scene, t: float, sensor: Sensor, rng: np.random.Generator) -> Hits:
    """Cast one turn's rays at t seconds; the first azimuth, and which rays pass through what they may, are random."""
    first_azimuth = float(rng.uniform(-np.pi, np.pi))
    rays = beam_directions(first_azimuth, sensor)
    pose, prims = scene.lidar_pose(t), scene.primitives
    turns, origins = owner_poses(scene, t)
    turn = turns[prims.owner] @ prims.turn
    centre = np.einsum('pij,pj->pi', turns[prims.owner], prims.centre) + origins[prims.owner]
    tangents = np.tan(sensor.elevations_rad)
    distance = np.full(rays.shape[:2], np.inf)
    row = np.full(rays.shape[:2], NOTHING, np.int64)
    potential = np.zeros(len(turns), np.int64)
    cast_primitives(
        rays, first_azimuth, tangents, prims.kind, centre, turn, prims.half, prims.density, prims.owner,
        sensor.max_range_m, int(rng.integers(2**62)), distance, row, potential,
    )  # fmt: skip
    cast_ground(rays, tangents, pose.turn, pose.origin, scene.ground.height_m, sensor.max_range_m, distance, row)
    label = np.zeros(row.shape, np.uint8)
    reflectivity, cosine = np.zeros(row.shape), np.zeros(row.shape)
    to_scene, ground = (pose.turn, pose.origin), scene.ground
    shade(
        rays, *to_scene, ground.height_m, ground.label, ground.reflectivity, prims.kind, centre, turn, prims.half,
        prims.reflectivity, prims.label, distance, row, label, reflectivity, cosine,
    )  # fmt: skip
    return Hits(rays, distance, row, label, reflectivity, cosine, potential)


def _returns(sensor: Sensor, scene: Scene, hits: Hits, rng: np.random.Generator) -> Sweep:
    """Turn hits into measurements: intensity, loss of weak echoes, range noise, the sensor's own carrier."""
    row, label, potential = hits.row, hits.label, hits.potential
    hit = row != NOTHING
    chance, noise = rng.random(row.shape, np.float32), rng.standard_normal((2, *row.shape), np.float32)
    owner = np.where(row >= 0, scene.primitives.owner[np.maximum(row, 0)], GROUND)
    visible = np.bincount(owner[owner >= 0], minlength=len(potential)) / np.maximum(potential, 1)
    safe = np.where(hit, hits.distance, 1.0)
    echo = hits.reflectivity * np.sqrt(np.clip(hits.cosine, 0.0, 1.0)) / (1.0 + (safe / 35.0) ** 2)
    kept = hit & (chance < 0.995 * (1.0 - np.exp(-echo / 0.006)))
    kept &= (label != LABEL['vehicle.ego']) | (chance < EGO_RETURN_CHANCE)
    intensity = np.rint(sensor.intensity_scale * scene.intensity_gain * echo * np.exp(0.2 * noise[1]))
    ranged = safe + sensor.range_noise_m * np.clip(noise[0], -3.0, 3.0)
    ring = np.broadcast_to(np.arange(row.shape[1]), row.shape)
    columns = [*(np.moveaxis(hits.rays, 2, 0) * ranged), np.clip(intensity, 0.0, 255.0), ring]
    points = np.stack([column[kept] for column in columns], 1).astype(np.float32)
    return Sweep(points, label[kept], owner[kept], row[kept], np.minimum(visible, 1.0))
