"""Compiled ray casting from one point: a height raster by marching, primitives by analytic intersection inside their
window.

Rays (A, B, 3): A azimuth columns, B beams ordered by rising elevation, unit vectors in the sensor frame. Results are
buffers (A, B): range in metres (inf where nothing was met) and owner row (-1 ground, -2 nothing, else the row of the
primitive)."""

import numba
import numpy as np

from .ground import height_at
from .shapes import BOX, CONE, CONE_TOP, ELLIPSOID, FOLIAGE

NOTHING, GROUND = -2, -1


@numba.njit(cache=True)
def _uniform(a, b, seed):
    """A reproducible number in (0, 1) from two counters and a seed (splitmix64)."""
    z = np.uint64(seed) + np.uint64(0x9E3779B97F4A7C15) * (
        np.uint64(a) * np.uint64(0x100000001B3) + np.uint64(b) + np.uint64(1)
    )
    z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    z = z ^ (z >> np.uint64(31))
    return (np.float64(z >> np.uint64(11)) + 0.5) * (1.0 / 9007199254740992.0)


@numba.njit(cache=True)
def _gap(raster, turn, origin, direction, distance):
    """Height in metres of a point of the ray above the surface."""
    x = origin[0] + distance * (turn[0, 0] * direction[0] + turn[0, 1] * direction[1] + turn[0, 2] * direction[2])
    y = origin[1] + distance * (turn[1, 0] * direction[0] + turn[1, 1] * direction[1] + turn[1, 2] * direction[2])
    z = origin[2] + distance * (turn[2, 0] * direction[0] + turn[2, 1] * direction[1] + turn[2, 2] * direction[2])
    return z - height_at(raster, x, y)


@numba.njit(cache=True)
def cast_ground(rays, tangents, turn, origin, raster, max_range_m, distance, owner):
    """March out along each column; sensor -> scene is turn (3, 3), origin (3,). Beams rise, so one pass serves all of
    them.

    Call it after cast_primitives: a beam that met something nearer is not followed any further. The profile of the
    column is sampled every 0.15 m (near) to 0.8 m (far); inside a step the crossing is refined on the surface itself,
    to a millimetre."""
    n_columns, n_beams = rays.shape[0], rays.shape[1]
    for a in range(n_columns):
        flat = np.hypot(rays[a, 0, 0], rays[a, 0, 1])
        ux, uy = rays[a, 0, 0] / flat, rays[a, 0, 1] / flat
        beam, rho, step = 0, 0.5, 0.15
        z = -2.0
        previous = 0.0
        while rho < max_range_m and beam < n_beams:
            # the column is tilted: where it stands at rho depends on its height, for which the last step's is near
            # enough
            x = origin[0] + (turn[0, 0] * ux + turn[0, 1] * uy) * rho + turn[0, 2] * z
            y = origin[1] + (turn[1, 0] * ux + turn[1, 1] * uy) * rho + turn[1, 2] * z
            z = (height_at(raster, x, y) - origin[2] - rho * (turn[2, 0] * ux + turn[2, 1] * uy)) / turn[2, 2]
            while beam < n_beams:
                if distance[a, beam] < previous:
                    beam += 1
                    continue
                climb = tangents[beam]
                if climb * rho > z:
                    break
                per_metre = np.sqrt(1.0 + climb * climb)
                near, far = previous * per_metre, rho * per_metre
                gap_near = _gap(raster, turn, origin, rays[a, beam], near)
                gap_far = _gap(raster, turn, origin, rays[a, beam], far)
                hit = far
                for _ in range(6):
                    if gap_near - gap_far < 1e-9:
                        break
                    hit = near + (far - near) * min(max(gap_near / (gap_near - gap_far), 0.05), 0.95)
                    gap = _gap(raster, turn, origin, rays[a, beam], hit)
                    if abs(gap) < 5e-4:
                        break
                    if gap > 0.0:
                        near, gap_near = hit, gap
                    else:
                        far, gap_far = hit, gap
                if hit <= min(max_range_m, distance[a, beam]):
                    distance[a, beam] = hit
                    owner[a, beam] = GROUND
                beam += 1
            previous = rho
            rho += step
            if rho > 35.0:
                step = 0.8
            elif rho > 12.0:
                step = 0.35


@numba.njit(cache=True)
def meet_round(kind, o, d, half):
    """Entry and exit distance of a ray with a unit-scaled ellipsoid, cylinder or cone; entry -1 where it misses."""
    ox, oy, oz = o[0] / half[0], o[1] / half[1], o[2] / half[2]
    dx, dy, dz = d[0] / half[0], d[1] / half[1], d[2] / half[2]
    if kind in (ELLIPSOID, FOLIAGE):
        a, b, c = dx * dx + dy * dy + dz * dz, ox * dx + oy * dy + oz * dz, ox * ox + oy * oy + oz * oz - 1.0
        root = b * b - a * c
        if root <= 0.0:
            return -1.0, -1.0
        root = np.sqrt(root)
        return (-b - root) / a, (-b + root) / a
    shrink = 0.5 * (1.0 - CONE_TOP) if kind == CONE else 0.0
    r0, r1 = 1.0 - shrink - shrink * oz, -shrink * dz
    a, b, c = dx * dx + dy * dy - r1 * r1, ox * dx + oy * dy - r0 * r1, ox * ox + oy * oy - r0 * r0
    best, last = 1e9, -1.0
    root = b * b - a * c
    if root > 0.0 and abs(a) > 1e-12:
        root = np.sqrt(root)
        for sign in (-1.0, 1.0):
            t = (-b + sign * root) / a
            if abs(oz + t * dz) <= 1.0 and r0 + r1 * t > 0.0:
                best, last = min(best, t), max(last, t)
    if abs(dz) > 1e-12:
        for cap in (-1.0, 1.0):
            t = (cap - oz) / dz
            x, y = ox + t * dx, oy + t * dy
            radius = CONE_TOP if kind == CONE and cap > 0.0 else 1.0
            if x * x + y * y <= radius * radius:
                best, last = min(best, t), max(last, t)
    if last < 0.0:
        return -1.0, -1.0
    return best, last


@numba.njit(cache=True)
def meet_box(o, d, half):
    """Entry and exit distance of a ray with a box (slabs); entry -1 where it misses."""
    near, far = -1e9, 1e9
    for k in range(3):
        if abs(d[k]) < 1e-12:
            if abs(o[k]) > half[k]:
                return -1.0, -1.0
            continue
        t0, t1 = (-half[k] - o[k]) / d[k], (half[k] - o[k]) / d[k]
        near, far = max(near, min(t0, t1)), min(far, max(t0, t1))
    if near > far:
        return -1.0, -1.0
    return near, far


@numba.njit(cache=True)
def _meet(kind, density, o, d, half, chance):
    """Distance of the return of one ray from one primitive, or -1. Foliage is entered, glass and spokes let rays
    pass."""
    near, far = meet_box(o, d, half) if kind == BOX else meet_round(kind, o, d, half)
    if far <= 0.0 or near <= 0.0:
        return -1.0
    if kind == FOLIAGE:
        inside = near - density * np.log(chance)
        return inside if inside < far else -1.0
    return near if chance <= density else -1.0


@numba.njit(cache=True)
def _window(centre, turn, half, first_azimuth, n_columns, tangents, n_beams):
    """First column, number of columns, first and last beam that can meet the primitive (from its eight corners)."""
    middle = np.arctan2(centre[1], centre[0])
    radius = 0.0
    left, right, top, bottom = 0.0, 0.0, -1e9, 1e9
    for corner in range(8):
        sx = half[0] if corner & 1 else -half[0]
        sy = half[1] if corner & 2 else -half[1]
        sz = half[2] if corner & 4 else -half[2]
        x = turn[0, 0] * sx + turn[0, 1] * sy + turn[0, 2] * sz
        y = turn[1, 0] * sx + turn[1, 1] * sy + turn[1, 2] * sz
        z = centre[2] + turn[2, 0] * sx + turn[2, 1] * sy + turn[2, 2] * sz
        radius = max(radius, np.hypot(x, y))
        angle = np.arctan2(centre[1] + y, centre[0] + x) - middle
        angle -= 2 * np.pi * np.floor((angle + np.pi) / (2 * np.pi))
        left, right = max(left, angle), min(right, angle)
        top, bottom = max(top, z), min(bottom, z)
    flat = np.hypot(centre[0], centre[1])
    nearest = max(flat - radius, 0.3)
    lowest = bottom / (nearest if bottom < 0.0 else flat + radius)
    highest = top / (nearest if top > 0.0 else flat + radius)
    first_beam = np.searchsorted(tangents, lowest)
    last_beam = np.searchsorted(tangents, highest)
    if left - right > np.pi or flat < 0.5:
        return 0, n_columns, first_beam, last_beam
    spacing = 2 * np.pi / n_columns
    start = int(np.floor((middle + right - first_azimuth) / spacing))
    stop = int(np.ceil((middle + left - first_azimuth) / spacing))
    return start, min(stop - start + 1, n_columns), first_beam, min(last_beam, n_beams)


@numba.njit(cache=True)
def cast_primitives(
    rays,
    first_azimuth,
    tangents,
    kind,
    centre,
    turn,
    half,
    density,
    group,
    max_range_m,
    seed,
    distance,
    owner,
    potential,
):
    """Keep the nearest return of every ray over all primitives, in the sensor frame: centre (P, 3), turn (P, 3, 3).

    `tangents` (B,) of the beam elevations, rising. `potential` (G,) counts the rays that meet each group (an object's
    contiguous rows) whatever stands before it: the denominator of its visibility."""
    n_columns, n_beams = rays.shape[0], rays.shape[1]
    stamp = np.full((n_columns, n_beams), -1, np.int64)
    o, d = np.empty(3), np.empty(3)
    for p in range(kind.shape[0]):
        reach = np.sqrt(half[p, 0] ** 2 + half[p, 1] ** 2 + half[p, 2] ** 2)
        if np.sqrt(centre[p, 0] ** 2 + centre[p, 1] ** 2 + centre[p, 2] ** 2) - reach > max_range_m:
            continue
        start, count, low, high = _window(centre[p], turn[p], half[p], first_azimuth, n_columns, tangents, n_beams)
        for k in range(3):
            o[k] = -(turn[p, 0, k] * centre[p, 0] + turn[p, 1, k] * centre[p, 1] + turn[p, 2, k] * centre[p, 2])
        for column in range(start, start + count):
            a = column % n_columns
            for b in range(low, high):
                for k in range(3):
                    d[k] = turn[p, 0, k] * rays[a, b, 0] + turn[p, 1, k] * rays[a, b, 1] + turn[p, 2, k] * rays[a, b, 2]
                t = _meet(kind[p], density[p], o, d, half[p], _uniform(p, a * n_beams + b, seed))
                if t <= 0.0 or t > max_range_m:
                    continue
                if stamp[a, b] != group[p]:
                    stamp[a, b] = group[p]
                    potential[group[p]] += 1
                if t < distance[a, b]:
                    distance[a, b] = t
                    owner[a, b] = p
