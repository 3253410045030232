"""The five lidars of Waymo's car: 64 beams on the roof and four short-range ones around the body, combined."""

from dataclasses import dataclass, replace

import numpy as np

from .lidar import Sensor, Sweep, render
from .shapes import rotation
from .taxonomy import LABEL
from .world import Pose, Scene

TOP_COLUMNS = 2650
SIDE_COLUMNS_SHARE = 0.1
"""Columns of a short-range lidar for each of the roof's, over its whole turn, of which half is kept."""
SIDE_BEAMS = 40
TOP_ELEVATIONS_RAD = np.radians(np.concatenate([np.linspace(-17.6, -6.0, 26), np.linspace(-5.6, 2.4, 38)]))
SIDE_ELEVATIONS_RAD = np.radians(np.linspace(-80.0, 20.0, SIDE_BEAMS))
MOUNTS = {
    'TOP': (1.43, 0.0, 2.18, 0.0),
    'FRONT': (4.07, 0.0, 0.69, 0.0),
    'SIDE_LEFT': (3.24, 1.02, 0.98, 90.0),
    'SIDE_RIGHT': (3.24, -1.02, 0.98, -90.0),
    'REAR': (-1.15, 0.0, 0.46, 180.0),
}
"""x, y, z [m] and yaw [degrees] on the vehicle, whose origin is on the ground under the rear axle; official order."""
STRONGEST = 1e4
"""Raw intensity of Waymo is mostly below 1, but reflectors reach this: hence tanh in front of every network."""


@dataclass(frozen=True)
class Frame:
    """All lidars' points, TOP first.

    points: (P, 6) float32 x, y, z [m, vehicle frame], intensity, elongation, offset in TOP's range image (-1: another
    lidar). lidar: (P,) index in MOUNTS. top: the sweep of the roof. label, owner, row: (P,) as in Sweep."""

    points: np.ndarray
    lidar: np.ndarray
    label: np.ndarray
    owner: np.ndarray
    row: np.ndarray
    top: Sweep


def mount_pose(name: str) -> Pose:
    """Lidar -> vehicle."""
    x, y, z, yaw_deg = MOUNTS[name]
    return Pose(rotation(np.radians(yaw_deg)), np.array([x, y, z]))


def sensor_of(name: str, columns: int) -> Sensor:
    """columns: of a turn of the roof's lidar. Ranges are the official ones, 75 m and 20 m."""
    if name == 'TOP':
        return Sensor(TOP_ELEVATIONS_RAD, columns, 75.0, 0.02, 300.0)
    return Sensor(SIDE_ELEVATIONS_RAD, max(8, round(columns * SIDE_COLUMNS_SHARE)), 20.0, 0.02, 300.0)


def render_frame(scene: Scene, t: float, seed: int, key: tuple[int, ...], columns: int) -> Frame:
    """One frame at t seconds, a function of its arguments; `key` sets its noise apart from that of other frames."""
    sweeps, parts = [], []
    for index, name in enumerate(MOUNTS):
        mount = mount_pose(name)
        sweep = render(replace(scene, lidar=mount), t, seed, (*key, index), sensor_of(name, columns))
        if index:
            sweep = _ahead(sweep)
        rng = np.random.default_rng([seed, *key, index, 1])
        offset = _range_image_offset(sweep, columns) if index == 0 else np.full(len(sweep.points), -1.0)
        xyz = sweep.points[:, :3].astype(np.float64) @ mount.turn.T + mount.origin
        parts.append(np.column_stack([xyz, _intensity(sweep, rng), _elongation(sweep, rng), offset]))
        sweeps.append(sweep)
    return Frame(
        points=np.concatenate(parts).astype(np.float32),
        lidar=np.repeat(np.arange(len(sweeps)), [len(sweep.points) for sweep in sweeps]),
        label=np.concatenate([sweep.label for sweep in sweeps]),
        owner=np.concatenate([sweep.owner for sweep in sweeps]),
        row=np.concatenate([sweep.row for sweep in sweeps]),
        top=sweeps[0],
    )


def _ahead(sweep: Sweep) -> Sweep:
    """The half turn that looks away from the car."""
    kept = sweep.points[:, 0] > 0
    return Sweep(sweep.points[kept], sweep.label[kept], sweep.owner[kept], sweep.row[kept], sweep.visible)


def _intensity(sweep: Sweep, rng: np.random.Generator) -> np.ndarray:
    """(N,) around 0.1 for most, far above 1 where the echo saturates."""
    raw = sweep.points[:, 3].astype(np.float64)
    outlier = np.minimum(np.exp(rng.normal(2.0, 2.0, len(raw))), STRONGEST)
    return np.where(raw >= 255.0, np.maximum(outlier, 1.0), raw * (0.6 / 255.0))


def _elongation(sweep: Sweep, rng: np.random.Generator) -> np.ndarray:
    """(N,) 0 to 1.5: pulses come back longer from foliage."""
    leaves = (sweep.label == LABEL['static.vegetation']) & (rng.random(len(sweep.label)) < 0.5)
    narrow = np.abs(rng.normal(0.0, 0.03, len(leaves)))
    return np.where(leaves, rng.uniform(0.1, 1.5, len(leaves)), narrow)


def _range_image_offset(sweep: Sweep, columns: int) -> np.ndarray:
    """(N,) row from above times the width, plus the column."""
    azimuth = np.arctan2(sweep.points[:, 1], sweep.points[:, 0])
    column = np.minimum((azimuth + np.pi) / (2 * np.pi) * columns, columns - 1).astype(np.int64)
    row = len(TOP_ELEVATIONS_RAD) - 1 - sweep.points[:, 4].astype(np.int64)
    return (row * columns + column).astype(np.float64)
