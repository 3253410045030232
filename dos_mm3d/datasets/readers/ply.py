"""Stanford polygon files (`.ply`), ascii or binary, through plyfile."""

from typing import Any

import numpy as np
from plyfile import PlyData, PlyParseError

from .base import ReadOptions, bad_file, refusing


def read_ply(path: str, options: ReadOptions) -> dict[str, np.ndarray]:
    """Scalar properties of the `vertex` element: name -> (N,)."""
    vertices = ply_elements(path, mmap=False)['vertex']
    return {name: vertices[name] for name in vertices.dtype.names if vertices.dtype[name].kind != 'O'}


def read_mesh(path: str) -> tuple[np.ndarray, np.ndarray]:
    """A triangle mesh: vertices (N,), a structured array of their properties, and faces (F, 3) int64, rows of it.

    ValueError where the file is cut off or corrupt, where it has no faces, or faces that are no triangles."""
    elements = ply_elements(path, known_list_len={'face': {'vertex_indices': 3}})
    if 'face' not in elements:
        raise bad_file(path, found=f'elements {sorted(elements)}', wanted='vertex and face', fix='Export the mesh.')
    corners = elements['face']['vertex_indices']
    faces = np.array([list(face) for face in corners if len(face) == 3] if corners.dtype == object else corners, int)
    n_vertices = len(elements['vertex'])
    if not 0 < len(faces) == len(corners) or faces.min() < 0 or faces.max() >= n_vertices:
        raise bad_file(
            path,
            found=f'{len(corners)} faces, some of which are no triangles of its vertices',
            wanted=f'triangles of the {n_vertices} vertices, at least one',
            fix='The file is corrupt: copy it again.',
        )
    return np.array(elements['vertex']), faces


def ply_elements(path: str, **how: Any) -> dict[str, np.ndarray]:
    """Element name -> structured array; `how` is for plyfile. ValueError where it is no whole .ply with vertices."""
    errors = PlyParseError, ValueError, OSError, EOFError
    with refusing(path, *errors, wanted='an ascii or binary .ply with a vertex element'):
        elements = {element.name: element.data for element in PlyData.read(path, **how).elements}
    if 'vertex' not in elements:
        raise bad_file(
            path, found=f'elements {sorted(elements)}', wanted='vertex', fix='Export the points as vertices.'
        )
    return elements
