"""Stanford polygon files (`.ply`), ascii or binary, through plyfile."""

import numpy as np
from plyfile import PlyData, PlyParseError

from .base import ReadOptions, bad_file


def read_ply(path: str, options: ReadOptions) -> dict[str, np.ndarray]:
    """Scalar properties of the `vertex` element: name -> (N,)."""
    try:
        elements = {element.name: element for element in PlyData.read(path, mmap=False).elements}
    except (PlyParseError, ValueError, OSError, EOFError) as error:
        raise bad_file(
            path,
            found=f'content that is no whole .ply file ({type(error).__name__}: {error})',
            wanted='an ascii or binary .ply with a vertex element',
            fix='The file is truncated or corrupt: copy it again.',
        ) from error
    if 'vertex' not in elements:
        raise bad_file(
            path, found=f'elements {sorted(elements)}', wanted='vertex', fix='Export the points as vertices.'
        )
    vertices = elements['vertex'].data
    return {name: vertices[name] for name in vertices.dtype.names if vertices.dtype[name].kind != 'O'}
