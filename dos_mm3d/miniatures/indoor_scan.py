"""From depth images to a coloured mesh with segments and instances, as a reconstruction of a room gives it.

A vertex stands where some view measured the surface: it lies at the mean of all measurements, each weighted with one
over its variance, along its own ray. What no view saw is missing."""

from dataclasses import dataclass

import numba
import numpy as np

from .indoor_camera import FAR_M, NEAR_M, Views, depth_noise_m, record
from .indoor_colour import paint
from .indoor_parts import SHINY
from .indoor_room import Room
from .indoor_surface import Samples, sample

TOLERANCE_M = 0.02
LEAST_COSINE, LEAST_COSINE_SHINY = 0.12, 0.95
"""Surfaces seen at a flatter angle return no depth; of glass and mirrors only what is seen almost head-on."""
MIN_SEGMENT = 20
"""Vertices: where no tile of a patch has as many, it is not divided; ScanNet's segmentation has the same limit."""


@dataclass(frozen=True)
class Scan:
    """One scan in the room's frame. xyz_m (N, 3) float64, rgb (N, 3) uint8, face (F, 3) int32, counter-clockwise as
    seen by the camera; segment (N,) int64; instance (N,) int64, position in Room.placed; part (N,) int64 row of
    Room.solids; true_xyz_m, normal (N, 3): of the surface itself; n_views (N,): measurements behind a vertex;
    depth_m (N,): mean depth of them, noise_m (N,): the standard deviation that their weighted mean has."""

    xyz_m: np.ndarray
    rgb: np.ndarray
    face: np.ndarray
    segment: np.ndarray
    instance: np.ndarray
    part: np.ndarray
    true_xyz_m: np.ndarray
    normal: np.ndarray
    n_views: np.ndarray
    depth_m: np.ndarray
    noise_m: np.ndarray


def scan_room(room: Room, n_views: int, spacing_m: float, key: tuple[int, ...]) -> Scan:
    """Walk through a room and reconstruct it with vertices about `spacing_m` apart; a pure function of its arguments.

    Images are as fine as the vertices need: a pixel spans half the spacing at 2 m, and never less than 1 cm at 3 m."""
    rng = np.random.default_rng(key)
    width = int(np.clip(8 * round(4.5 / spacing_m / 8), 64, 320))
    views = record(room, n_views, width, rng)
    samples = sample(room.solids, spacing_m)
    shift, count, depth, weight = fuse(room, samples, views)
    kept, face = _mesh(samples.cells, count > 0)
    xyz = (samples.xyz_m + shift)[kept]
    segment = _segments(samples.part[kept], samples.face[kept], samples.tile[kept])
    part, normal = samples.part[kept], samples.normal[kept]
    return Scan(
        xyz, paint(room, samples.xyz_m[kept], normal, part, rng), face, segment, room.solids.owner[part], part,
        samples.xyz_m[kept], normal, count[kept], depth[kept], 1.0 / np.sqrt(weight[kept]),
    )  # fmt: skip


def fuse(room: Room, samples: Samples, views: Views) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """(S, 3) shift of every sample by its measurements, their number (S,), mean depth (S,) m and summed weight (S,)."""
    shiny = room.solids.material[samples.part] == SHINY
    least = np.where(shiny, LEAST_COSINE_SHINY, LEAST_COSINE)
    n = len(samples.xyz_m)
    shift, count, depth, weight = np.zeros((n, 3)), np.zeros(n, np.int64), np.zeros(n), np.zeros(n)
    for v in range(len(views.origin)):
        _measure(
            samples.xyz_m, samples.normal, samples.part, least, views.turn[v], views.origin[v], views.focal_px,
            views.depth_m[v], views.part[v], views.noise[v], shift, count, depth, weight,
        )  # fmt: skip
    return shift / np.maximum(weight, 1e-30)[:, None], count, depth / np.maximum(count, 1), weight


@numba.njit(cache=True)
def _measure(xyz, normal, part, least, turn, origin, focal, depth_m, owner, noise, shift, count, depth_sum, weight):
    """Add one view's measurement of every sample that it sees: the pixel it falls in, or a neighbour, met its part at
    its depth."""
    height, width = depth_m.shape
    ray = np.empty(3)
    for s in range(xyz.shape[0]):
        x, y, z, distance, facing = 0.0, 0.0, 0.0, 0.0, 0.0
        for k in range(3):
            ray[k] = xyz[s, k] - origin[k]
            x, y, z = x + turn[k, 0] * ray[k], y + turn[k, 1] * ray[k], z + turn[k, 2] * ray[k]
            distance += ray[k] * ray[k]
            facing -= ray[k] * normal[s, k]
        distance = np.sqrt(distance)
        if z < NEAR_M or z > FAR_M or facing < least[s] * distance:
            continue
        u, v = focal * x / z + 0.5 * width, focal * y / z + 0.5 * height
        if u < 0.0 or v < 0.0 or u >= width or v >= height:
            continue
        row, column = int(v), int(u)
        slack = TOLERANCE_M + 1.5 * (z / focal) * distance / facing
        seen = False
        for r in range(max(row - 1, 0), min(row + 2, height)):
            for c in range(max(column - 1, 0), min(column + 2, width)):
                if owner[r, c] == part[s] and abs(depth_m[r, c] - z) < slack:
                    seen = True
        if not seen:
            continue
        sigma = depth_noise_m(z)
        one = 1.0 / (sigma * sigma)
        for k in range(3):
            shift[s, k] += one * sigma * noise[row, column] * ray[k] / z
        count[s] += 1
        depth_sum[s] += z
        weight[s] += one


def _mesh(cells: np.ndarray, seen: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Kept samples (N,) and faces (F, 3) between them: two of a whole cell, one of a cell with three seen corners, and
    no vertex without a face."""
    there = seen[cells]
    whole, three = cells[there.all(1)], there.sum(1) == 3
    missing = np.argmin(there[three], 1)
    corners = (missing[:, None] + [1, 2, 3]) % 4
    partial = np.take_along_axis(cells[three], corners, 1)
    face = np.concatenate([whole[:, [0, 1, 2]], whole[:, [0, 2, 3]], partial])
    kept, face = np.unique(face, return_inverse=True)
    return kept, face.reshape(-1, 3).astype(np.int32)


def _segments(part: np.ndarray, face: np.ndarray, tile: np.ndarray) -> np.ndarray:
    """(N,) segment of every vertex: tiles of the patches of a part; patches of small tiles only are one for each part.
    Named by one of its vertices."""
    fine = np.unique(np.stack([face, tile], 1), axis=0, return_inverse=True)[1].reshape(-1)
    large = np.bincount(fine)[fine] >= MIN_SEGMENT
    has_large = np.bincount(face, large)[face] > 0
    group = np.where(has_large, fine, -1 - part)
    _, first, group = np.unique(group, return_index=True, return_inverse=True)
    return first[group.reshape(-1)]
