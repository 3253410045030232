"""Meshes with part labels, and the solids that the grammars build them from. x right, y front, z up, metres."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from ..shapes import ALONG_Z, BOX, CONE, CONE_TOP, CYLINDER, rotation

Bounds = tuple[float, float]
SIDES = 16
_CORNERS = np.array([[x, y, z] for x in (-1, 1) for y in (-1, 1) for z in (-1, 1)], float)
_BOX_FACES = np.array(
    [[0, 1, 3], [0, 3, 2], [4, 6, 7], [4, 7, 5], [0, 4, 5], [0, 5, 1], [2, 3, 7], [2, 7, 6], [0, 2, 6], [0, 6, 4],
     [1, 5, 7], [1, 7, 3]]
)  # fmt: skip


@dataclass(frozen=True)
class Mesh:
    """vertices (V, 3) float64; faces (F, 3) int64 rows of them, seen from outside counter-clockwise; part (F,) int64,
    the place of each face's part in the names of its class."""

    vertices: np.ndarray
    faces: np.ndarray
    part: np.ndarray

    def triangles(self) -> np.ndarray:
        """(F, 3, 3) corners."""
        return self.vertices[self.faces]

    def normals(self) -> np.ndarray:
        """(F, 3) of length 1, outwards; zero where a face has no area."""
        a, b, c = self.triangles().transpose(1, 0, 2)
        normal = np.cross(b - a, c - a)
        return normal / np.maximum(np.linalg.norm(normal, axis=1, keepdims=True), 1e-12)

    def bounds(self) -> np.ndarray:
        """(2, 3) lowest and highest corner."""
        return np.stack([self.vertices.min(0), self.vertices.max(0)])

    def moved(self, turn: np.ndarray, shift: np.ndarray | Sequence[float], scale: float = 1.0) -> Mesh:
        """Scaled, turned by (3, 3), shifted by (3,)."""
        return Mesh(scale * self.vertices @ turn.T + np.asarray(shift), self.faces, self.part)


def joined(meshes: Sequence[Mesh]) -> Mesh:
    """Several meshes as one; their parts keep their numbers."""
    first = np.cumsum([0, *(len(mesh.vertices) for mesh in meshes[:-1])])
    return Mesh(
        np.concatenate([mesh.vertices for mesh in meshes]),
        np.concatenate([mesh.faces + start for mesh, start in zip(meshes, first, strict=True)]),
        np.concatenate([mesh.part for mesh in meshes]),
    )


def grid_faces(rows: int, columns: int, *, closed: bool) -> np.ndarray:
    """(F, 3) triangles between the vertices of a grid, row by row; `closed`: the last column meets the first."""
    row, column = np.meshgrid(np.arange(rows - 1), np.arange(columns if closed else columns - 1), indexing='ij')
    after = (column + 1) % columns
    a, b = row * columns + column, row * columns + after
    c, d = a + columns, b + columns
    return np.concatenate([np.stack([a, b, d], -1).reshape(-1, 3), np.stack([a, d, c], -1).reshape(-1, 3)])


class Builder:
    """Collects solids.

    Args:
        names: parts of the class, in the order of their labels; what is added names its own.
    """

    def __init__(self, names: Sequence[str] = ('',)) -> None:
        self._label = {name: number for number, name in enumerate(names)}
        self._solids: list[Mesh] = []

    def raw(self) -> Mesh:
        """All that was added, where it was added."""
        return joined(self._solids)

    def mesh(self) -> Mesh:
        """The same, its underside at z = 0, the middle of its footprint at x = y = 0."""
        whole = self.raw()
        low, high = whole.bounds()
        return Mesh(whole.vertices - [*((low + high)[:2] / 2), low[2]], whole.faces, whole.part)

    def add(self, vertices: np.ndarray, faces: np.ndarray, part: str = '') -> None:
        """Vertices (V, 3) and faces (F, 3) of one part; a class without parts takes all as one."""
        label = self._label[part] if len(self._label) > 1 else 0
        self._solids.append(Mesh(np.asarray(vertices, float), faces, np.full(len(faces), label)))

    def box(self, x: Bounds, y: Bounds, z: Bounds, part: str = '', turn: np.ndarray = ALONG_Z) -> None:
        """A box from its bounds, turned about its own centre."""
        bounds = np.array([x, y, z], float)
        half = (bounds[:, 1] - bounds[:, 0]) / 2
        self.add((_CORNERS * half) @ turn.T + bounds.mean(1), _BOX_FACES, part)

    def wedge(self, low: Sequence[Bounds], high: Sequence[Bounds], z: Bounds, part: str = '') -> None:
        """A box whose rectangle (x, y) differs below and above: cabins, hulls, tapered bodies."""
        ends = np.array([low, high], float)  # (below or above, axis, low or high)
        corners = [[ends[k][0][i], ends[k][1][j], z[k]] for i in (0, 1) for j in (0, 1) for k in (0, 1)]
        self.add(np.array(corners), _BOX_FACES, part)

    def lathe(
        self, profile: Sequence[tuple[float, float]], centre: Sequence[float] = (0, 0, 0), part: str = '',
        turn: np.ndarray = ALONG_Z, sides: int = SIDES, squash: float = 1.0,
    ) -> None:  # fmt: skip
        """(radius, height) pairs revolved about z, upwards outside, then turned and put at the centre; along y the
        radii are `squash` times as long."""
        r, z = np.array(profile, float).T
        angle = 2 * np.pi * (np.arange(sides) + 0.5) / sides
        ring = np.stack([np.cos(angle), squash * np.sin(angle)], 1)
        flat = r[:, None, None] * ring[None]
        height = np.broadcast_to(z[:, None, None], (len(r), sides, 1))
        vertices = np.concatenate([flat, height], 2).reshape(-1, 3)
        self.add(vertices @ turn.T + np.asarray(centre, float), grid_faces(len(r), sides, closed=True), part)

    def rod(
        self, start: Sequence[float], end: Sequence[float], radius: float, part: str = '',
        end_radius: float | None = None, sides: int = 8,
    ) -> None:  # fmt: skip
        """A round rod between two points, both ends closed."""
        start, along = np.asarray(start, float), np.subtract(end, start)
        length = float(np.linalg.norm(along))
        last = radius if end_radius is None else end_radius
        self.lathe([(0, 0), (radius, 0), (last, length), (0, length)], start, part, towards(along), sides)

    def path(self, points: Sequence[Sequence[float]], radius: float, part: str = '') -> None:
        """Rods through points."""
        for start, end in pairwise(points):
            self.rod(start, end, radius, part, sides=6)

    def ball(
        self, centre: Sequence[float], half: Sequence[float], part: str = '', turn: np.ndarray = ALONG_Z,
        power: float = 2.0,
    ) -> None:  # fmt: skip
        """An ellipsoid; a higher power makes it a cushion, in the end a box."""
        lift = np.linspace(-np.pi / 2, np.pi / 2, 9)
        angle = 2 * np.pi * np.arange(SIDES) / SIDES
        unit = np.stack(
            [np.outer(np.cos(lift), np.cos(angle)), np.outer(np.cos(lift), np.sin(angle)),
             np.outer(np.sin(lift), np.ones(SIDES))], -1
        ).reshape(-1, 3)  # fmt: skip
        unit /= (np.abs(unit) ** power).sum(1, keepdims=True) ** (1 / power)
        self.add((unit * half) @ turn.T + np.asarray(centre, float), grid_faces(9, SIDES, closed=True), part)

    def prism(
        self, outline: Sequence[tuple[float, float]], thick: Bounds, part: str = '', turn: np.ndarray = ALONG_Z,
        centre: Sequence[float] = (0, 0, 0),
    ) -> None:  # fmt: skip
        """A star-shaped outline (x, y), counter-clockwise, extruded along z, then turned and put at the centre."""
        flat = np.array(outline, float)
        n, middle = len(flat), flat.mean(0)
        layers = [np.c_[shape, np.full(n, z)] for shape, z in ((middle.repeat(n).reshape(2, n).T, thick[0]),
                  (flat, thick[0]), (flat, thick[1]), (middle.repeat(n).reshape(2, n).T, thick[1]))]  # fmt: skip
        vertices = np.concatenate(layers) @ turn.T + np.asarray(centre, float)
        self.add(vertices, grid_faces(4, n, closed=True), part)

    def sheet(self, points: np.ndarray, thickness: Sequence[float], part: str = '') -> None:
        """A bent plate: points (R, C, 3) of one side, the other shifted by (3,) thickness."""
        rows, columns = points.shape[:2]
        front = points.reshape(-1, 3)
        faces = grid_faces(rows, columns, closed=False)
        rim = np.concatenate([
            np.arange(columns), np.arange(1, rows) * columns + columns - 1,
            (rows - 1) * columns + np.arange(columns - 2, -1, -1), np.arange(rows - 2, 0, -1) * columns
        ])  # fmt: skip
        after, back = np.roll(rim, -1), len(front)
        sides = np.concatenate([np.stack([rim, rim + back, after + back], 1), np.stack([rim, after + back, after], 1)])
        self.add(
            np.concatenate([front, front + thickness]), np.concatenate([faces, faces[:, ::-1] + back, sides]), part
        )

    def solid(self, kind: int, centre: np.ndarray, half: np.ndarray, turn: np.ndarray, part: str = '') -> None:
        """A primitive of the other embedded worlds (shapes.py); foliage is its ellipsoid."""
        if kind == BOX:
            self.add((_CORNERS * half) @ turn.T + centre, _BOX_FACES, part)
        elif kind in (CYLINDER, CONE):
            top = half[0] * (CONE_TOP if kind == CONE else 1.0)
            profile = [(0, -half[2]), (half[0], -half[2]), (top, half[2]), (0, half[2])]
            self.lathe(profile, centre, part, turn, squash=half[1] / half[0])
        else:
            self.ball(centre, half, part, turn)


def towards(along: Sequence[float]) -> np.ndarray:
    """(3, 3) rotation that lays local z along a direction."""
    x, y, z = along
    return rotation(float(np.arctan2(y, x)), float(np.arctan2(np.hypot(x, y), z)))
