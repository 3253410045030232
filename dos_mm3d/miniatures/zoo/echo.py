"""What a sensor makes of the hits of a turn: which echoes come back, at which range, with which intensity."""

import numpy as np

from ..lidar import Hits, trace
from ..raycast import NOTHING
from ..taxonomy import LABEL
from .scene import ZooScene
from .sensors import ROAD_REFLECTIVITY, Rig

MIRROR_POWER = 30.0
"""The mirror-like echo falls to a half at 12 degrees from the normal."""
REFERENCE_REFLECTIVITY = 0.1


def brightness(hits: Hits, zoo: ZooScene) -> tuple[np.ndarray, np.ndarray]:
    """(A, B) float32 share of the light that comes back from what was met, before range takes its part; and the share
    of rays that are mirrored away."""
    row, finish = np.maximum(hits.row, 0), zoo.finish
    on_object = hits.row >= 0
    diffuse = np.where(on_object, finish.reflectivity.astype(np.float32)[row], hits.reflectivity.astype(np.float32))
    gloss, mirrored = (np.where(on_object, x.astype(np.float32)[row], 0) for x in (finish.gloss, finish.mirrored))
    cosine = np.clip(hits.cosine, 1e-3, 1.0).astype(np.float32)
    squarely = cosine ** np.float32(MIRROR_POWER)
    return diffuse * cosine ** np.float32(zoo.rig.incidence_power) + gloss * squarely, mirrored * (1 - squarely)


def return_chance(bright: np.ndarray, distance_m: np.ndarray, rig: Rig) -> np.ndarray:
    """(A, B) chance of an echo: a half for a brightness of REFERENCE_REFLECTIVITY at rig.reach_m; the received power
    falls with the square of the range (lidar equation of extended targets)."""
    signal = bright / np.float32(REFERENCE_REFLECTIVITY) * (np.float32(rig.reach_m) / distance_m) ** 2
    return (1.0 - rig.loss) * (1.0 - np.exp(-np.log(2.0) * signal))


def intensity(bright: np.ndarray, distance_m: np.ndarray, speckle: np.ndarray, rig: Rig) -> np.ndarray:
    """(A, B) 0-255: a power of the echo, freed of the range as far as the sensor does, less its floor, in its steps.

    speckle: (A, B) standard normal."""
    left = (1.0 + (distance_m / np.float32(rig.near_m)) ** 2) ** np.float32(rig.compensation - 1.0)
    raw = rig.road_intensity * (bright * left / np.float32(ROAD_REFLECTIVITY)) ** np.float32(rig.gamma)
    noisy = raw * np.exp(np.float32(rig.speckle) * speckle) * rig.beam_gain.astype(np.float32)
    step = rig.intensity_step
    return np.clip(np.rint((noisy - rig.intensity_floor) / step) * step, 0.0, 255.0)


def render_turn(zoo: ZooScene, t: float, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Points (N, 4) float64 x, y, z (m, LiDAR frame), intensity 0-255, and lidarseg labels (N,) uint8 of one turn."""
    rig = zoo.rig
    hits = trace(zoo.scene, t, rig.sensor, rng)
    shape = hits.row.shape
    chance, noise = rng.random(shape, np.float32), rng.standard_normal((2, *shape), np.float32)
    hit = hits.row != NOTHING
    distance = np.where(hit, hits.distance, 1.0).astype(np.float32)
    bright, mirrored = brightness(hits, zoo)
    kept = hit & (chance < (1 - mirrored) * return_chance(bright, distance, rig)) & ~_is_blind(hits.rays, rig)
    # the same draw, scaled, decides about the own car: its echoes are strong
    kept &= (hits.label != LABEL['vehicle.ego']) | (chance < rig.ego_return)
    ranged = hits.distance[kept] + (rig.sensor.range_noise_m * noise[0] + rig.beam_offset_m.astype(np.float32))[kept]
    points = np.column_stack([hits.rays[kept] * ranged[:, None], intensity(bright, distance, noise[1], rig)[kept]])
    return points, hits.label[kept]


def _is_blind(rays: np.ndarray, rig: Rig) -> np.ndarray:
    """(A, 1) columns of the sector from which nothing comes."""
    centre, width = rig.blind_rad
    azimuth = np.arctan2(rays[:, 0, 1], rays[:, 0, 0])[:, None] - centre
    return np.abs((azimuth + np.pi) % (2 * np.pi) - np.pi) < width / 2


def render_frame(zoo: ZooScene, t: float, sweeps: int, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Points (N, 5) float32 x, y, z (m, LiDAR frame at t), intensity 0-255, time lag (s, 0 for the newest), and labels
    (N,) uint8: the sweep at t and those before it, moved by the ego vehicle's motion.

    Of earlier sweeps what is within 1 m goes, the own car above all, as mmdet3d does when it merges sweeps."""
    to_frame = zoo.scene.lidar_pose(t).inverse()
    parts, labels = [], []
    for number in range(sweeps):
        lag = number * zoo.rig.period_s
        points, label = render_turn(zoo, t - lag, rng)
        if number:
            far = (np.abs(points[:, :2]) >= 1.0).any(1)
            points, label = points[far], label[far]
            pose = to_frame.after(zoo.scene.lidar_pose(t - lag))
            points[:, :3] = points[:, :3] @ pose.turn.T + pose.origin
        parts.append(np.column_stack([points, np.full(len(points), lag)]))
        labels.append(label)
    return np.concatenate(parts).astype(np.float32), np.concatenate(labels)
