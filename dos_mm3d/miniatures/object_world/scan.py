"""Objects as a depth camera finds them in a room: seen from a few sides, partly hidden, with their surroundings.

Lengths are counted in diagonals of the object's box, so that a mug is scanned as well as a bus."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ..shapes import rotation
from .catalogue import CLASSES, grounded, make_object
from .draws import Draws
from .mesh import Builder, Mesh, joined
from .raster import depth_image

FOCAL_PX, IMAGE_PX = 280.0, 224
"""An object at 1.5 diagonals is up to 190 pixels wide."""
REACH, SLACK = 2.25, 0.12
"""Half extents of the object's box, and what is added: no box that is cut out reaches farther from its middle."""
VIEWS = ((1, 2, 3), (0.5, 0.3, 0.2))
RANGE = (1.3, 3.0)
LIFT_RAD = (0.1, 0.9)
FAN_RAD = 1.0
WALL_CHANCE = 0.5
NEIGHBOURS = (0, 3)
DEPTH_NOISE = 0.0016
MISALIGNED, MISALIGNED_RAD = 0.006, 0.012
OBJECT = 0
"""Owner of the object's own faces; floor and wall are 1, neighbours 2."""


@dataclass(frozen=True)
class Scene:
    """An object in its surroundings: triangles (F, 3, 3), owner (F,) int64; the object's box is centred at `middle`
    (3,), `half` (3,) and turned by `yaw_rad`. wall_rad: direction in which the wall stands, or None."""

    corners: np.ndarray
    owner: np.ndarray
    middle: np.ndarray
    half: np.ndarray
    yaw_rad: float
    wall_rad: float | None


@dataclass(frozen=True)
class Scan:
    """xyz (n, 3) float64 in the scene's frame, z up, in diagonals; own (n,) bool: of the object itself."""

    xyz: np.ndarray
    own: np.ndarray


def surrounded(mesh: Mesh, rng: np.random.Generator) -> Scene:
    """Put an object, scaled to a box of diagonal 1, on a floor, turned at random; a wall and neighbours at times."""
    d = Draws(rng)
    size = np.ptp(mesh.vertices, axis=0)
    yaw = d.even(-np.pi, np.pi)
    own = mesh.moved(rotation(yaw), np.zeros(3), 1 / float(np.linalg.norm(size)))
    half = size / float(np.linalg.norm(size)) / 2
    rest = Builder()
    tilt = rotation(0.0, d.even(-0.03, 0.03), d.even(-0.03, 0.03))
    rest.box((-1.4, 1.4), (-1.4, 1.4), (-0.06, -0.004), turn=tilt)
    wall = d.even(-np.pi, np.pi) if d.whether(0.4) else yaw - np.pi / 2
    has_wall = d.whether(WALL_CHANCE)
    if has_wall:
        out = _reach(half, wall - yaw) + d.between(0.01, 0.3)
        panel = Builder()
        panel.box((out, out + 0.05), (-1.4, 1.4), (-0.1, 1.6))
        raw = panel.raw().moved(rotation(wall), np.zeros(3))
        rest.add(raw.vertices, raw.faces)
    others = [_neighbour(d, half, yaw) for _ in range(d.count(*NEIGHBOURS))]
    pieces = [own, rest.raw(), *others]
    owner = np.repeat([OBJECT, 1, *(2 for _ in others)], [len(piece.faces) for piece in pieces])
    middle = np.array([0.0, 0.0, half[2]])
    return Scene(joined(pieces).triangles(), owner, middle, half, yaw, wall if has_wall else None)


def scan(scene: Scene, rng: np.random.Generator) -> Scan:
    """Points of one to three depth images from neighbouring sides, merged with the errors of their alignment."""
    d = Draws(rng)
    first = d.even(-np.pi, np.pi) if scene.wall_rad is None else scene.wall_rad + np.pi + d.even(-1.0, 1.0)
    views = []
    for number in range(d.one_of(*VIEWS)):
        azimuth = first + (d.even(-FAN_RAD, FAN_RAD) if number else 0.0)
        xyz, own = _view(scene, d, azimuth)
        if number:
            turn = rotation(float(rng.normal(0, MISALIGNED_RAD)))
            xyz = (xyz - scene.middle) @ turn.T + scene.middle + rng.normal(0, MISALIGNED, 3)
        views.append((xyz, own))
    return Scan(*(np.concatenate(column) for column in zip(*views)))


def _reach(half: np.ndarray, angle: float) -> float:
    """How far a box reaches in a direction of its own frame."""
    return float(abs(half[0] * np.cos(angle)) + abs(half[1] * np.sin(angle)))


def _neighbour(d: Draws, half: np.ndarray, yaw: float) -> Mesh:
    """Another object beside this one, of any class."""
    mesh = grounded(make_object(d.one_of(CLASSES), d.rng))
    size = np.ptp(mesh.vertices, axis=0)
    scale = d.between(0.35, 1.1) / float(np.linalg.norm(size))
    turn, direction = d.even(-np.pi, np.pi), d.even(-np.pi, np.pi)
    gap = d.even(0.0, 0.25)
    away = _reach(half, direction - yaw) + scale * _reach(size / 2, direction - turn) + gap
    return mesh.moved(rotation(turn), (away * np.cos(direction), away * np.sin(direction), 0.0), scale)


def _view(scene: Scene, d: Draws, azimuth: float) -> tuple[np.ndarray, np.ndarray]:
    """One depth image as points: nearest surfaces, then what the sensor loses and adds."""
    distance, lift = d.between(*RANGE), d.even(*LIFT_RAD)
    back = np.array([np.cos(lift) * np.cos(azimuth), np.cos(lift) * np.sin(azimuth), np.sin(lift)])
    right = np.array([-np.sin(azimuth), np.cos(azimuth), 0.0])
    turn = np.stack([right, -np.cross(back, right), -back])  # world -> camera: x right, y down, z along the view
    eye = scene.middle + d.rng.normal(0, 0.05, 3) + distance * back
    corners = np.ascontiguousarray((scene.corners - eye) @ turn.T)
    depth, face = depth_image(corners, FOCAL_PX, IMAGE_PX)
    reach = REACH * scene.half + SLACK
    pixel = np.flatnonzero(np.abs(depth - distance) < np.linalg.norm(reach))
    z, ray = depth.ravel()[pixel], _RAYS[pixel]
    local = (z[:, None] * ray) @ (turn @ rotation(scene.yaw_rad)) + (eye - scene.middle) @ rotation(scene.yaw_rad)
    near = np.flatnonzero((np.abs(local) < reach).all(1))
    z, ray, face = z[near], ray[near], face.ravel()[pixel[near]]
    kept = _returned(d, z[:, None] * ray, z, _slant(corners, face, ray))
    z = z[kept] + d.rng.normal(0.0, 1.0, int(kept.sum())) * DEPTH_NOISE * z[kept] ** 2
    return (z[:, None] * ray[kept]) @ turn + eye, scene.owner[face[kept]] == OBJECT


def _slant(corners: np.ndarray, face: np.ndarray, ray: np.ndarray) -> np.ndarray:
    """(n,) cosine between each ray and the normal of the face that it meets."""
    normal = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
    normal /= np.maximum(np.linalg.norm(normal, axis=1, keepdims=True), 1e-12)
    return np.abs(np.einsum('nk,nk->n', normal[face], ray)) / np.sqrt(np.einsum('nk,nk->n', ray, ray))


def _returned(d: Draws, xyz: np.ndarray, z: np.ndarray, slant: np.ndarray) -> np.ndarray:
    """(n,) bool: grazing and far returns are lost more often, and some blotches, dark or shining, altogether."""
    chance = np.clip(1.05 - 0.08 * z**1.5, 0.15, 1.0) * np.clip((slant - 0.08) / 0.3, 0.0, 1.0)
    kept = d.rng.random(len(z)) < chance
    for _ in range(d.count(0, 3) if len(xyz) else 0):
        away = xyz - xyz[d.rng.integers(len(xyz))]
        kept &= np.einsum('nk,nk->n', away, away) > d.between(0.03, 0.13) ** 2
    return kept


def _rays() -> np.ndarray:
    """(pixels, 3) directions with z = 1 of the middles of an image's pixels, row by row."""
    row, column = np.divmod(np.arange(IMAGE_PX**2), IMAGE_PX)
    offset = (np.stack([column, row], 1) + 0.5 - IMAGE_PX / 2) / FOCAL_PX
    return np.c_[offset, np.ones(len(row))]


_RAYS = _rays()
