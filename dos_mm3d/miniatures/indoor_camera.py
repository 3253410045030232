"""A depth camera carried through a room: where it stood, what every pixel met, and how badly it measured it."""

from dataclasses import dataclass

import numba
import numpy as np

from .indoor_parts import Solids
from .indoor_room import Room
from .raycast import meet_box, meet_round
from .shapes import BOX

NOTHING = -1
NEAR_M, FAR_M = 0.4, 4.5
FOCAL_PER_WIDTH = 570.9 / 640
"""Field of view of ScanNet's sensor: fx_depth = 570.9 pixels for an image 640 wide, 4 : 3."""


@numba.njit(cache=True)
def depth_noise_m(depth_m):
    """Standard deviation of a structured-light sensor's depth z: 1.2 mm + 1.9 mm (z - 0.4)^2, z in metres.

    Nguyen, Izadi, Lovell: Modeling Kinect sensor noise for improved 3D reconstruction and tracking, 3DIMPVT 2012, the
    axial part."""
    return 0.0012 + 0.0019 * (depth_m - 0.4) ** 2


@dataclass(frozen=True)
class Views:
    """V poses and images of height Y and width X. turn (V, 3, 3): columns are the camera's x (right), y (down), z
    (forward) in the room; origin (V, 3) metres; depth_m (V, Y, X) float32 along z, without noise, inf where nothing
    was met; part (V, Y, X) int32 row of the solid or NOTHING; noise (V, Y, X) float32 standard normal."""

    focal_px: float
    turn: np.ndarray
    origin: np.ndarray
    depth_m: np.ndarray
    part: np.ndarray
    noise: np.ndarray


def look(yaw_rad: float, pitch_rad: float) -> np.ndarray:
    """(3, 3) camera -> room; pitch up is positive."""
    forward = np.array([np.cos(yaw_rad) * np.cos(pitch_rad), np.sin(yaw_rad) * np.cos(pitch_rad), np.sin(pitch_rad)])
    right = np.array([np.sin(yaw_rad), -np.cos(yaw_rad), 0.0])
    return np.stack([right, np.cross(forward, right), forward], 1)


def walk(room: Room, n_views: int, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Turns (V, 3, 3) and origins (V, 3): once around the room at eye height, looking now at the near wall, now across,
    now at the floor; seldom up."""
    centre = room.size_m[:2] / 2
    pitches = np.radians([-28.0, -8.0, -42.0, 4.0, -18.0, -33.0, 16.0])
    turns, origins = [], []
    for i in range(n_views):
        angle = 2 * np.pi * i / n_views
        reach = np.maximum(centre - 0.75, 0.2) * rng.uniform(0.5, 1.0)
        place = np.array([*(centre + reach * np.array([np.cos(angle), np.sin(angle)])), rng.uniform(1.35, 1.75)])
        while _inside(room.solids, place, 0.15):  # a tall cupboard stands there: towards the middle, then anywhere
            place[:2] = centre + (place[:2] - centre) * 0.8 + rng.normal(0.0, 0.08, 2)
        outward = angle + (0.0 if i % 2 else np.pi) + rng.normal(0.0, 0.45)
        turns.append(look(outward, pitches[i % len(pitches)] + rng.normal(0.0, 0.06)))
        origins.append(place)
    return np.stack(turns), np.stack(origins)


def _inside(solids: Solids, point: np.ndarray, air_m: float) -> bool:
    local = np.abs(np.einsum('pji,pj->pi', solids.turn, point - solids.centre))
    return bool((local < solids.half + air_m).all(1).any())


def record(room: Room, n_views: int, width: int, rng: np.random.Generator) -> Views:
    """Walk through a room; images are `width` pixels wide."""
    turn, origin = walk(room, n_views, rng)
    shape = (n_views, width * 3 // 4, width)
    depth, part = np.full(shape, np.inf, np.float32), np.full(shape, NOTHING, np.int32)
    focal, solids = FOCAL_PER_WIDTH * width, room.solids
    for v in range(n_views):
        cast_view(turn[v], origin[v], focal, solids.kind, solids.centre, solids.turn, solids.half, depth[v], part[v])
    noise = np.clip(rng.standard_normal(shape, np.float32), -3.0, 3.0)
    return Views(focal, turn, origin, depth, part, noise)


@numba.njit(cache=True)
def _pixel_window(centre, turn, half, view_turn, origin, focal, height, width):
    """First and last + 1 row and column that can see a part, from its corners; all of them where it reaches behind the
    camera, none where it is behind."""
    left, right, top, bottom, behind = 1e9, -1e9, 1e9, -1e9, 0
    for corner in range(8):
        x, y, z = 0.0, 0.0, 0.0
        for k in range(3):
            place = centre[k] - origin[k]
            for m in range(3):
                side = half[m] if corner & (1 << m) else -half[m]
                place += turn[k, m] * side
            x, y, z = x + view_turn[k, 0] * place, y + view_turn[k, 1] * place, z + view_turn[k, 2] * place
        if z < 0.05:
            behind += 1
            continue
        u, v = focal * x / z + 0.5 * width, focal * y / z + 0.5 * height
        left, right, top, bottom = min(left, u), max(right, u), min(top, v), max(bottom, v)
    if behind == 8:
        return 0, 0, 0, 0
    if behind:
        return 0, height, 0, width
    first_row, last_row = max(int(np.floor(top)), 0), min(int(np.ceil(bottom)) + 1, height)
    return first_row, last_row, max(int(np.floor(left)), 0), min(int(np.ceil(right)) + 1, width)


@numba.njit(cache=True)
def cast_view(view_turn, origin, focal, kind, centre, turn, half, depth, part):
    """Nearest part of every pixel of one pinhole image: depth (Y, X) along the optical axis, row of the part. The
    middle of pixel (row, column) is at (column + 0.5, row + 0.5), the principal point in the middle of the image."""
    height, width = depth.shape
    o, d = np.empty(3), np.empty(3)
    axes = np.empty((3, 3))
    for p in range(kind.shape[0]):
        r0, r1, c0, c1 = _pixel_window(centre[p], turn[p], half[p], view_turn, origin, focal, height, width)
        for k in range(3):
            o[k] = 0.0
            for m in range(3):
                o[k] += turn[p, m, k] * (origin[m] - centre[p, m])
                axes[k, m] = 0.0
                for n in range(3):
                    axes[k, m] += turn[p, n, k] * view_turn[n, m]
        for row in range(r0, r1):
            for column in range(c0, c1):
                x, y = (column + 0.5 - 0.5 * width) / focal, (row + 0.5 - 0.5 * height) / focal
                for k in range(3):
                    d[k] = axes[k, 0] * x + axes[k, 1] * y + axes[k, 2]
                near, _ = meet_box(o, d, half[p]) if kind[p] == BOX else meet_round(kind[p], o, d, half[p])
                if 0.0 < near < depth[row, column]:
                    depth[row, column] = near
                    part[row, column] = p
