"""Primitive solids: everything that is not ground is a set of boxes, cylinders, ellipsoids, cones and foliage."""

from dataclasses import dataclass, field

import numpy as np

BOX, CYLINDER, ELLIPSOID, CONE, FOLIAGE = range(5)
"""CYLINDER and CONE stand along local z; half = (radius x, radius y, half height), a CONE narrows to 15 % at its top.
FOLIAGE is an ellipsoid that rays enter: `density` is then the mean free path in metres, not a hit probability."""

CONE_TOP = 0.15


def rotation(yaw_rad: float, pitch_rad: float = 0.0, roll_rad: float = 0.0) -> np.ndarray:
    """(3, 3) rotation z(yaw) @ y(pitch) @ x(roll); columns are the local axes. Positive pitch lowers the nose."""
    cy, sy, cp, sp = np.cos(yaw_rad), np.sin(yaw_rad), np.cos(pitch_rad), np.sin(pitch_rad)
    cr, sr = np.cos(roll_rad), np.sin(roll_rad)
    about_z = np.array([[cy, -sy, 0.0], [sy, cy, 0.0], [0.0, 0.0, 1.0]])
    about_y = np.array([[cp, 0.0, sp], [0.0, 1.0, 0.0], [-sp, 0.0, cp]])
    about_x = np.array([[1.0, 0.0, 0.0], [0.0, cr, -sr], [0.0, sr, cr]])
    return about_z @ about_y @ about_x


ALONG_Z = rotation(0.0)
ALONG_Y = rotation(0.0, 0.0, np.pi / 2)
"""Local z turned to the instance's y axis: wheels."""


@dataclass
class Shape:
    """Primitives of one object in its own frame: x forward, y left, z up, origin on the ground under its centre,
    metres."""

    kinds: list[int] = field(default_factory=list)
    centres: list[tuple[float, float, float]] = field(default_factory=list)
    rotations: list[np.ndarray] = field(default_factory=list)
    halves: list[tuple[float, float, float]] = field(default_factory=list)
    reflectivities: list[float] = field(default_factory=list)
    densities: list[float] = field(default_factory=list)
    labels: list[int] = field(default_factory=list)
    parts: list[str] = field(default_factory=list)

    def add(
        self,
        kind: int,
        centre: tuple[float, float, float],
        half: tuple[float, float, float],
        *,
        label: int,
        reflectivity: float,
        density: float = 1.0,
        turn: np.ndarray = ALONG_Z,
        part: str = '',
    ) -> None:
        """Append one primitive; `density` is the chance that a ray that meets it returns (see FOLIAGE), `part` what it
        is where the lidarseg label does not tell: rider, trunk, fence, pole, sign."""
        self.kinds.append(kind)
        self.centres.append(centre)
        self.rotations.append(turn)
        self.halves.append(half)
        self.reflectivities.append(reflectivity)
        self.densities.append(density)
        self.labels.append(label)
        self.parts.append(part)


@dataclass(frozen=True)
class Primitives:
    """All primitives of a scene as arrays; `owner` names the instance whose pose moves the row, rows of one are
    contiguous.

    kind (P,) int64; centre (P, 3), turn (P, 3, 3), half (P, 3) float64 metres in the owner's frame;
    reflectivity, density (P,) float64; label (P,) uint8; part (P,) str; owner (P,) int64."""

    kind: np.ndarray
    centre: np.ndarray
    turn: np.ndarray
    half: np.ndarray
    reflectivity: np.ndarray
    density: np.ndarray
    label: np.ndarray
    part: np.ndarray
    owner: np.ndarray


def pack(shapes: list[Shape]) -> Primitives:
    """Shape i of the list becomes owner i."""
    owner = np.concatenate([np.full(len(shape.kinds), i, np.int64) for i, shape in enumerate(shapes)])

    def column(name: str, dtype: type) -> np.ndarray:
        return np.array([value for shape in shapes for value in getattr(shape, name)], dtype)

    return Primitives(
        kind=column('kinds', np.int64),
        centre=column('centres', np.float64),
        turn=column('rotations', np.float64),
        half=column('halves', np.float64),
        reflectivity=column('reflectivities', np.float64),
        density=column('densities', np.float64),
        label=column('labels', np.uint8),
        part=column('parts', np.str_),
        owner=owner,
    )
