"""Coloured points as a .ply file, which CloudCompare, MeshLab and Open3D open."""

import io
from collections.abc import Mapping
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from plyfile import PlyData, PlyElement

COMMENT = 'features of a sweep, written by dos_mm3d'


def coloured_ply(
    xyz_m: NDArray[np.floating], colours: NDArray[np.floating], scalars: Mapping[str, NDArray[np.floating]]
) -> bytes:
    """Points (n, 3) in metres with colours (n, 3) in [0, 1] and further numbers (n,) by name, as binary .ply."""
    vertex = np.empty(
        len(xyz_m),
        [*((axis, '<f4') for axis in 'xyz'), *((name, '<f4') for name in scalars)]
        + [(name, 'u1') for name in ('red', 'green', 'blue')],
    )
    for column, axis in enumerate('xyz'):
        vertex[axis] = xyz_m[:, column]
    for column, name in enumerate(('red', 'green', 'blue')):
        vertex[name] = np.round(np.clip(colours[:, column], 0, 1) * 255)
    for name, values in scalars.items():
        vertex[name] = values
    buffer = io.BytesIO()
    PlyData([PlyElement.describe(vertex, 'vertex')], byte_order='<', comments=[COMMENT]).write(buffer)
    return buffer.getvalue()


def holds_features(path: Path) -> bool:
    """Whether a .ply file was written here: its header says so."""
    with open(path, 'rb') as file:
        return f'comment {COMMENT}'.encode() in file.read(1000)
