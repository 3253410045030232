"""The surfaces of a room's solids as grids of samples: where a reconstructed mesh could have its vertices."""

from dataclasses import dataclass

import numpy as np

from .indoor_parts import Solids
from .shapes import BOX, CYLINDER

THINNEST = 0.4
"""A face narrower than this share of the spacing has no vertices of its own."""


@dataclass(frozen=True)
class Samples:
    """S samples, C cells of four neighbours. xyz_m, normal (S, 3) float64 outward; part (S,) int64; face (S,) int64
    running number of the patch; tile (S,) int64 square of about 0.4 m in it; cells (C, 4) int64, counter-clockwise as
    seen from outside."""

    xyz_m: np.ndarray
    normal: np.ndarray
    part: np.ndarray
    face: np.ndarray
    tile: np.ndarray
    cells: np.ndarray


TILE_M = 0.45


def sample(solids: Solids, spacing_m: float) -> Samples:
    """Samples about `spacing_m` apart on every part, at the middles of a grid's squares, never on an edge."""
    found, start, faces = [], 0, 0
    for p in range(len(solids.kind)):
        for xyz, normal, shape, lengths in _patches(int(solids.kind[p]), solids.half[p], spacing_m):
            cells = _cells(*shape, wraps=len(lengths) == 3) + start
            world = xyz @ solids.turn[p].T + solids.centre[p]
            tile = _tiles(shape, lengths)
            n = len(world)
            found.append((world, normal @ solids.turn[p].T, np.full(n, p), np.full(n, faces), tile, cells))
            start, faces = start + n, faces + 1
    return Samples(*(np.concatenate(columns) for columns in zip(*found, strict=True)))


def _middles(length: float, spacing_m: float) -> np.ndarray:
    """Middles of the intervals that divide (-1, 1), two at least."""
    n = max(2, round(length / spacing_m))
    return (np.arange(n) + 0.5) * (2.0 / n) - 1.0


def _cells(rows: int, columns: int, wraps: bool) -> np.ndarray:
    """(C, 4) of a grid numbered row by row, (0, 0), (1, 0), (1, 1), (0, 1): u along rows, v along columns, and
    u x v = normal; a grid that wraps closes along its rows."""
    number = np.arange(rows * columns).reshape(rows, columns)
    after = np.roll(number, -1, 0) if wraps else number[1:]
    number = number if wraps else number[:-1]
    return np.stack([number[:, :-1], after[:, :-1], after[:, 1:], number[:, 1:]], -1).reshape(-1, 4)


def _tiles(shape: tuple[int, int], lengths: tuple) -> np.ndarray:
    """Number of the square of about TILE_M that each sample of a patch lies in."""
    counts = [max(1, round(length / TILE_M)) for length in lengths[:2]]
    u, v = (np.arange(n) * count // n for n, count in zip(shape, counts, strict=True))
    return (u[:, None] * counts[1] + v[None]).reshape(-1)


def _patches(kind: int, half: np.ndarray, spacing_m: float) -> list[tuple]:
    """(xyz, normal, grid shape, side lengths) in the part's own frame; a third length marks a grid that wraps."""
    if kind == CYLINDER:
        return _cylinder(half, spacing_m)
    return [patch for axis in range(3) for sign in (1, -1) if (patch := _square(kind, half, axis, sign, spacing_m))]


def _square(kind: int, half: np.ndarray, axis: int, sign: int, spacing_m: float) -> tuple | None:
    """A face of a box, or of the cube around an ellipsoid pushed onto it."""
    a, b = ((axis + 1) % 3, (axis + 2) % 3) if sign > 0 else ((axis + 2) % 3, (axis + 1) % 3)
    stretch = 1.0 if kind == BOX else np.pi / 4
    lengths = (2 * half[a] * stretch, 2 * half[b] * stretch)
    if min(lengths) < THINNEST * spacing_m:
        return None
    u, v = np.meshgrid(*(_middles(length, spacing_m) for length in lengths), indexing='ij')
    unit = np.empty((u.size, 3))
    unit[:, a], unit[:, b], unit[:, axis] = u.reshape(-1), v.reshape(-1), sign
    if kind == BOX:
        normal = np.zeros_like(unit)
        normal[:, axis] = sign
    else:
        unit[:, [a, b]] = np.tan(np.pi / 4 * unit[:, [a, b]])
        unit /= np.linalg.norm(unit, axis=1, keepdims=True)
        normal = unit / half
        normal /= np.linalg.norm(normal, axis=1, keepdims=True)
    return unit * half, normal, u.shape, lengths


def _cylinder(half: np.ndarray, spacing_m: float) -> list[tuple]:
    """The side, and two caps by a square pushed onto the disc."""
    patches = []
    around, height = np.pi * (half[0] + half[1]), 2 * half[2]
    if min(around, height) >= THINNEST * spacing_m:
        n = max(5, round(around / spacing_m))
        angle, z = np.meshgrid(2 * np.pi * (np.arange(n) + 0.5) / n, _middles(height, spacing_m), indexing='ij')
        unit = np.stack([np.cos(angle), np.sin(angle), z], -1).reshape(-1, 3)
        normal = unit / half * [1, 1, 0]
        normal /= np.linalg.norm(normal, axis=1, keepdims=True)
        patches.append((unit * half, normal, angle.shape, (around, height, 'wraps')))
    for sign in (1, -1):
        lengths = (1.77 * half[0], 1.77 * half[1])
        if min(lengths) < THINNEST * spacing_m:
            continue
        u, v = np.meshgrid(*(_middles(length, spacing_m) for length in lengths), indexing='ij')
        u, v = u.reshape(-1), sign * v.reshape(-1)
        unit = np.stack([u * np.sqrt(1 - v * v / 2), v * np.sqrt(1 - u * u / 2), np.full(u.shape, float(sign))], -1)
        shape = tuple(len(_middles(length, spacing_m)) for length in lengths)
        patches.append((unit * half, np.broadcast_to([0.0, 0.0, sign], unit.shape), shape, lengths))
    return patches
