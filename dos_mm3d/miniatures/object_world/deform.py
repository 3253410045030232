"""Changes of a whole object: scale per axis, taper, bend."""

import numpy as np

from .draws import Draws
from .mesh import Mesh

SCALE = 1.35
TAPER_CHANCE, TAPER = 0.35, 0.25
BEND_CHANCE, BEND_RAD = 0.2, 0.35


def deformed(mesh: Mesh, draws: Draws) -> Mesh:
    """Each axis scaled by 1 / SCALE to SCALE; at times narrower upwards or downwards, at times bent."""
    scale = [draws.between(1 / SCALE, SCALE) for _ in range(3)]
    mesh = Mesh(mesh.vertices * scale, mesh.faces, mesh.part)
    if draws.whether(TAPER_CHANCE):
        mesh = tapered(mesh, draws.even(-TAPER, TAPER))
    if draws.whether(BEND_CHANCE):
        mesh = bent(finer(mesh), draws.even(-BEND_RAD, BEND_RAD), axis=draws.count(0, 1))
    return mesh


def tapered(mesh: Mesh, share: float) -> Mesh:
    """Widened by `share` at the top and narrowed by as much at the underside (negative: the other way round)."""
    z = mesh.vertices[:, 2]
    factor = 1 + share * (2 * (z - z.min()) / max(np.ptp(z), 1e-9) - 1)
    vertices = mesh.vertices * np.stack([factor, factor, np.ones_like(z)], 1)
    return Mesh(vertices, mesh.faces, mesh.part)


def bent(mesh: Mesh, angle_rad: float, axis: int) -> Mesh:
    """Bent upwards along x (axis 0) or y (axis 1), as a strip is laid on a cylinder; `angle_rad` from end to end."""
    along, z = mesh.vertices[:, axis], mesh.vertices[:, 2]
    length = np.ptp(along)
    if abs(angle_rad) < 1e-6 or length < 1e-9:
        return mesh
    radius, middle = length / angle_rad, (along.min() + along.max()) / 2
    angle = (along - middle) / radius
    vertices = mesh.vertices.copy()
    vertices[:, axis] = middle + (radius - z) * np.sin(angle)
    vertices[:, 2] = radius - (radius - z) * np.cos(angle)
    return Mesh(vertices, mesh.faces, mesh.part)


def finer(mesh: Mesh) -> Mesh:
    """Each face as four, so that long ones can bend."""
    a, b, c = mesh.triangles().transpose(1, 0, 2)
    ab, bc, ca = (a + b) / 2, (b + c) / 2, (c + a) / 2
    corners = np.stack([(a, ab, ca), (ab, b, bc), (ca, bc, c), (ab, bc, ca)])  # (4, 3, F, 3)
    faces = np.arange(4 * 3 * len(a)).reshape(4, 3, -1).transpose(0, 2, 1).reshape(-1, 3)
    return Mesh(corners.reshape(-1, 3), faces, np.tile(mesh.part, 4))
