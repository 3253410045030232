"""What indoor objects are made of: boxes, upright or lying cylinders and ellipsoids with a colour and a material."""

from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np

from .shapes import ALONG_Z, BOX, CYLINDER, ELLIPSOID, rotation

PLAIN, WOOD, CLOTH, PRINT, TILE, SHINY = range(6)
"""How a colour varies over the surface (indoor_colour.py). SHINY (glass, mirrors) also returns no depth at a slant."""

ALONG_X = rotation(0.0, np.pi / 2)
ALONG_Y = rotation(0.0, 0.0, np.pi / 2)
Rgb = tuple[float, float, float]


class Part(NamedTuple):
    """One primitive: centre and half extents (3,) in metres, turn (3, 3) part -> object, rgb in 0 to 1."""

    kind: int
    centre: np.ndarray
    half: np.ndarray
    turn: np.ndarray
    rgb: Rgb
    material: int


class Top(NamedTuple):
    """A horizontal rectangle that carries other objects, metres in the object's frame; `clear_m` free above it."""

    x0: float
    x1: float
    y0: float
    y1: float
    z: float
    clear_m: float


@dataclass
class Thing:
    """One instance in its own frame: x to the right of one who looks at its back, y out of its front, z up; the origin
    lies on its underside, in the middle of its footprint. name: raw category; size_m: width, depth, height."""

    name: str
    size_m: np.ndarray
    rgb: Rgb
    material: int = PLAIN
    parts: list[Part] = field(default_factory=list)
    tops: list[Top] = field(default_factory=list)

    def _add(self, kind: int, centre: tuple, half: tuple, turn: np.ndarray, rgb: Rgb | None, material: int | None):
        paint = (self.rgb if rgb is None else rgb, self.material if material is None else material)
        self.parts.append(Part(kind, np.array(centre, float), np.array(half, float), turn, *paint))

    def slab(
        self, x: tuple, y: tuple, z: tuple, rgb: Rgb | None = None, material: int | None = None, turn=ALONG_Z
    ) -> None:
        """A box from its bounds along each axis; `turn` about its own centre."""
        bounds = np.array([x, y, z], float)
        self._add(BOX, bounds.mean(1), (bounds[:, 1] - bounds[:, 0]) / 2, turn, rgb, material)

    def post(self, x: float, y: float, z: tuple, radius: float, rgb: Rgb | None = None, squash: float = 1.0) -> None:
        """An upright cylinder; its radius along y is `squash` times that along x."""
        half = (radius, radius * squash, (z[1] - z[0]) / 2)
        self._add(CYLINDER, (x, y, (z[0] + z[1]) / 2), half, ALONG_Z, rgb, None)

    def bar(self, centre: tuple, length: float, radius: float, along: str = 'x', rgb: Rgb | None = None) -> None:
        """A lying cylinder along x or y: rods, wheels, discs on a wall."""
        turn = {'x': ALONG_X, 'y': ALONG_Y}[along]
        self._add(CYLINDER, centre, (radius, radius, length / 2), turn, rgb, None)

    def blob(self, centre: tuple, half: tuple, rgb: Rgb | None = None, turn: np.ndarray = ALONG_Z) -> None:
        """An ellipsoid."""
        self._add(ELLIPSOID, centre, half, turn, rgb, None)

    def carries(self, x: tuple, y: tuple, z: float, clear_m: float = 1.0) -> None:
        """Other objects may stand on this rectangle."""
        self.tops.append(Top(*x, *y, z, clear_m))


@dataclass(frozen=True)
class Placed:
    """A thing at its place: yaw about z, then shifted; metres and radians in the room's frame."""

    thing: Thing
    yaw_rad: float
    origin: np.ndarray


@dataclass(frozen=True)
class Solids:
    """All parts of a room. kind, material, owner (P,) int64: owner = number of the instance, its rows are contiguous;
    centre, half (P, 3), turn (P, 3, 3), rgb (P, 3) float64, in the room's frame."""

    kind: np.ndarray
    centre: np.ndarray
    half: np.ndarray
    turn: np.ndarray
    rgb: np.ndarray
    material: np.ndarray
    owner: np.ndarray


def pack(placed: list[Placed]) -> Solids:
    """Instance i of the list becomes owner i."""
    rows = [
        (part, rotation(item.yaw_rad), item.origin, i) for i, item in enumerate(placed) for part in item.thing.parts
    ]
    return Solids(
        kind=np.array([part.kind for part, *_ in rows], np.int64),
        centre=np.array([turn @ part.centre + origin for part, turn, origin, _ in rows]),
        half=np.array([part.half for part, *_ in rows]),
        turn=np.array([turn @ part.turn for part, turn, *_ in rows]),
        rgb=np.array([part.rgb for part, *_ in rows], float),
        material=np.array([part.material for part, *_ in rows], np.int64),
        owner=np.array([i for *_, i in rows], np.int64),
    )
