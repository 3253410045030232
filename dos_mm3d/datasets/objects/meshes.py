"""Meshes of object data sets: OFF and OBJ, and points spread evenly over their surface.

trimesh reads both, but counts negative indices of OBJ from the end of the file instead of the line that they stand in,
and asks for Pillow where there are textures; and the version that mmdet3d pins is another one than is maintained.
"""

from dataclasses import dataclass
from itertools import chain
from pathlib import Path

import numpy as np

from ...errors import InputError

AGAIN = 'Unpack or download it again'


@dataclass(frozen=True)
class Mesh:
    """A surface of triangles.

    Args:
        vertices: (V, 3) float64, in the unit of the file.
        triangles: (T, 3) int64 rows of vertices; a polygon is a fan around its first corner.
    """

    vertices: np.ndarray
    triangles: np.ndarray


def read_off(path: str | Path) -> Mesh:
    """An OFF file; the counts may follow `OFF` on the same line, with or without a space, as in ModelNet40.

    InputError, naming the file, where it is none, is cut off, or has a face without its corners.
    """
    lines = _lines(path)
    if not lines or not lines[0].startswith(b'OFF'):
        raise InputError(f'{path}: begins with {lines[0][:20] if lines else b""!r}, wanted OFF. {AGAIN}.')
    lines[0] = lines[0][3:]
    lines = lines if lines[0].strip() else lines[1:]
    try:
        num_vertices, num_faces = map(int, lines[0].split()[:2])
        table = [line.split()[:3] for line in lines[1 : 1 + num_vertices]]
        faces = [line.split() for line in lines[1 + num_vertices : 1 + num_vertices + num_faces]]
        # behind its corners a face may have a colour
        corners = [[int(one) for one in face[1 : 1 + int(face[0])]] for face in faces]
        if any(len(found) != int(face[0]) for found, face in zip(corners, faces)):
            raise ValueError('a face has fewer corners than it says')
    except (ValueError, IndexError) as error:
        raise InputError(f'{path}: not readable as OFF ({error}). {AGAIN}.') from error
    if (found := (len(table), len(faces))) != (num_vertices, num_faces):
        raise InputError(f'{path}: has {found} vertices and faces, its header says {num_vertices, num_faces}. {AGAIN}.')
    return _mesh(path, table, corners)


def read_obj(path: str | Path) -> Mesh:
    """The vertices and faces of a Wavefront OBJ file: corners as `v`, `v/vt`, `v//vn` or `v/vt/vn`; a negative index
    counts back from the latest vertex.

    InputError, naming the file, where it has no face, or a face without its corners.
    """
    table: list[list[bytes]] = []
    corners: list[list[int]] = []
    try:
        for line in _lines(path):
            kind, *values = line.split()
            if kind == b'v':
                table.append(values[:3])
            elif kind == b'f':
                indices = (int(value.partition(b'/')[0]) for value in values)
                corners.append([index - 1 if index > 0 else index + len(table) for index in indices])
    except ValueError as error:
        raise InputError(f'{path}: not readable as OBJ ({error}). {AGAIN}.') from error
    return _mesh(path, table, corners)


def sample_surface(mesh: Mesh, count: int, random: np.random.Generator) -> np.ndarray:
    """(count, 3) float32 points, uniform over the area of a mesh."""
    return surface_points(mesh.vertices[mesh.triangles], count, random)[0].astype(np.float32)


def surface_points(corners: np.ndarray, count: int, random: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """(count, 3) points, uniform over the area of triangles (F, 3, 3), and the (count,) rows of theirs."""
    origin, edges = corners[:, 0], corners[:, 1:] - corners[:, :1]
    reach = np.cumsum(np.linalg.norm(np.cross(edges[:, 0], edges[:, 1]), axis=1))
    rows = np.searchsorted(reach, random.random(count) * reach[-1], side='right').clip(max=len(reach) - 1)
    steps = random.random((count, 2, 1))
    # the other half of the parallelogram is turned onto the triangle
    steps = np.where(steps.sum(1, keepdims=True) > 1, 1 - steps, steps)
    return origin[rows] + (steps * edges[rows]).sum(1), rows


def _lines(path: str | Path) -> list[bytes]:
    """Lines without comments and without those that are empty."""
    stripped = (line.partition(b'#')[0].strip() for line in Path(path).read_bytes().splitlines())
    return [line for line in stripped if line]


def _mesh(path: str | Path, table: list[list[bytes]], corners: list[list[int]]) -> Mesh:
    """Vertices as text and polygons, checked; InputError for what has no surface."""
    try:
        vertices = np.array(table, np.float64).reshape(len(table), 3)
    except ValueError as error:
        raise InputError(f'{path}: has vertices that are not three numbers ({error}). {AGAIN}.') from error
    fans = ([face[0], face[i], face[i + 1]] for face in corners for i in range(1, len(face) - 1))
    triangles = np.fromiter(chain.from_iterable(fans), np.int64).reshape(-1, 3)
    if not np.isfinite(vertices).all():
        raise InputError(f'{path}: has vertices that are not finite. {AGAIN}.')
    if len(triangles) and not 0 <= triangles.min() <= triangles.max() < len(vertices):
        raise InputError(
            f'{path}: has faces with corners {triangles.min()} to {triangles.max()}, counted from 0, of '
            f'{len(vertices)} vertices. {AGAIN}.'
        )
    edges = vertices[triangles[:, 1:]] - vertices[triangles[:, :1]]
    if not np.cross(edges[:, 0], edges[:, 1]).any():
        raise InputError(f'{path}: its {len(triangles)} triangles have no area, wanted a surface. {AGAIN}.')
    return Mesh(vertices, triangles)
