"""Compiled: what every ray of a sweep met, and at which angle; the physics of the echo itself is in lidar.py."""

import numba
import numpy as np

from .ground import CELL_M, HALF_EXTENT_M, height_at
from .raycast import NOTHING
from .shapes import BOX, ELLIPSOID, FOLIAGE


@numba.njit(cache=True)
def _primitive_cosine(kind, o, d, t, half):
    """|cos| between the ray and the surface normal of a primitive, in its own frame."""
    nx, ny, nz = (o[0] + t * d[0]) / half[0], (o[1] + t * d[1]) / half[1], (o[2] + t * d[2]) / half[2]
    if kind == BOX:
        ax, ay, az = abs(nx), abs(ny), abs(nz)
        if ax >= ay and ax >= az:
            return abs(d[0])
        return abs(d[1]) if ay >= az else abs(d[2])
    if kind == FOLIAGE:
        return 0.7
    if kind != ELLIPSOID:
        if abs(nz) > 0.999:
            return abs(d[2])
        nz = 0.0
    nx, ny, nz = nx / half[0], ny / half[1], nz / half[2]
    length = np.sqrt(nx * nx + ny * ny + nz * nz)
    return abs(nx * d[0] + ny * d[1] + nz * d[2]) / max(length, 1e-9)


@numba.njit(cache=True)
def shade(
    rays,
    turn,
    origin,
    height,
    ground_label,
    ground_reflectivity,
    kind,
    centre,
    primitive_turn,
    half,
    reflectivity,
    label,
    distance,
    owner,
    out_label,
    out_reflectivity,
    out_cosine,
):
    """Label, reflectivity and |cos| of incidence of what every ray met."""
    o, d = np.empty(3), np.empty(3)
    last = height.shape[0] - 1
    for a in range(rays.shape[0]):
        for b in range(rays.shape[1]):
            p = owner[a, b]
            if p == NOTHING:
                continue
            t = distance[a, b]
            if p >= 0:
                for k in range(3):
                    o[k], d[k] = 0.0, 0.0
                    for m in range(3):
                        o[k] -= primitive_turn[p, m, k] * centre[p, m]
                        d[k] += primitive_turn[p, m, k] * rays[a, b, m]
                out_label[a, b], out_reflectivity[a, b] = label[p], reflectivity[p]
                out_cosine[a, b] = _primitive_cosine(kind[p], o, d, t, half[p])
                continue
            for k in range(3):
                d[k] = turn[k, 0] * rays[a, b, 0] + turn[k, 1] * rays[a, b, 1] + turn[k, 2] * rays[a, b, 2]
            x, y = origin[0] + t * d[0], origin[1] + t * d[1]
            i = min(max(int((x + HALF_EXTENT_M) / CELL_M + 0.5), 0), last)
            j = min(max(int((y + HALF_EXTENT_M) / CELL_M + 0.5), 0), last)
            out_label[a, b], out_reflectivity[a, b] = ground_label[i, j], ground_reflectivity[i, j]
            slope_x = (height_at(height, x + 0.2, y) - height_at(height, x - 0.2, y)) / 0.4
            slope_y = (height_at(height, x, y + 0.2) - height_at(height, x, y - 0.2)) / 0.4
            normal = np.sqrt(1.0 + slope_x * slope_x + slope_y * slope_y)
            out_cosine[a, b] = abs(d[2] - slope_x * d[0] - slope_y * d[1]) / normal
