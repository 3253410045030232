"""Stanford polygon files (`.ply`), ascii or binary: vertices by numpy, meshes through plyfile."""

import io
import os
from contextlib import AbstractContextManager
from dataclasses import dataclass

import numpy as np
from plyfile import PlyData

from .base import ReadOptions, bad_file, check_names, distinct, refusing

ENCODINGS = {'ascii': '', 'binary_little_endian': '<', 'binary_big_endian': '>'}
_INTEGERS = {'char': 'i1', 'uchar': 'u1', 'short': 'i2', 'ushort': 'u2', 'int': 'i4', 'uint': 'u4'}
_BITS = {f'{word}{8 * size}': f'{word[0]}{size}' for word in ('int', 'uint') for size in (1, 2, 4)}
TYPES = {**_INTEGERS, **_BITS, 'float': 'f4', 'double': 'f8', 'float32': 'f4', 'float64': 'f8'}
MAX_HEADER_BYTES = 2**16


@dataclass(frozen=True)
class Element:
    """properties: name -> numpy type, '' for a list, in file order."""

    name: str
    count: int
    properties: list[tuple[str, str]]

    @property
    def names(self) -> list[str]:
        """Of the properties."""
        return [name for name, _ in self.properties]

    def row(self, order: str) -> np.dtype:
        """One row as a packed structure; ValueError where it has a list."""
        if not all(kind for _, kind in self.properties):
            raise ValueError(f'{self.name} has lists, or stands behind an element that has')
        return np.dtype([(name, order + kind) for name, (_, kind) in zip(distinct(self.names), self.properties)])

    def least_bytes(self, is_text: bool) -> int:
        """What a row takes at least: of text one digit and what parts it from the next, of a list its length."""
        sizes = [1 if is_text or not kind else np.dtype(kind).itemsize for _, kind in self.properties]
        return max(1, sum(sizes) + (len(sizes) - 1) * is_text)


@dataclass(frozen=True)
class Header:
    """order: numpy's sign of the byte order, '' for text; offset: byte where the data begin."""

    order: str
    elements: list[Element]
    offset: int


def read_ply(path: str, options: ReadOptions) -> dict[str, np.ndarray]:
    """Properties of the `vertex` element: name -> (N,)."""
    with open(path, 'rb') as file:
        content = file.read()
    with _refusing(path):
        header = parse_header(content)
        vertex = _vertex(path, header)
        check_names(path, vertex.names)
        before = header.elements[: header.elements.index(vertex)]
        if header.order:
            offset = header.offset + sum(element.count * element.row(header.order).itemsize for element in before)
            table = np.frombuffer(content, vertex.row(header.order), vertex.count, offset)
            return {name: table[name] for name in table.dtype.names}
        rows = sum(element.count for element in before)
        table = _text_table(content[header.offset :], rows, vertex)
        return dict(zip(distinct(vertex.names), table.T, strict=True))


def ply_columns(path: str) -> list[str]:
    """Names of the vertices' properties, by the header alone; none where there are no vertices."""
    with open(path, 'rb') as file, _refusing(path):
        elements = parse_header(file.read(MAX_HEADER_BYTES), os.path.getsize(path)).elements
    return next((element.names for element in elements if element.name == 'vertex'), [])


def parse_header(content: bytes, n_bytes: int | None = None) -> Header:
    """The lines up to and including end_header; ValueError, KeyError or IndexError where they are wrong, or announce
    more rows than the file has bytes for (n_bytes, if not all of it is given)."""
    end = content.index(b'end_header')
    offset = content.index(b'\n', end) + 1
    lines = [line.split() for line in content[:end].decode('ascii', 'replace').splitlines()]
    if lines[0] != ['ply']:
        raise ValueError("the first line is not 'ply'")
    order, elements = '', []
    for word, *words in filter(None, lines[1:]):
        if word == 'format':
            order = ENCODINGS[words[0]]
        elif word == 'element':
            elements.append(Element(words[0], int(words[1]), []))
        elif word == 'property':
            elements[-1].properties.append((words[-1], '' if words[0] == 'list' else TYPES[words[0]]))
    left = (n_bytes or len(content)) - offset
    for element in elements:
        needed = element.count * element.least_bytes(not order)
        if not 0 <= needed <= left:
            raise ValueError(f'{element.count} rows of {element.name} announced, {max(left, 0)} bytes left for them')
        left -= needed
    return Header(order, elements, offset)


def _vertex(path: str, header: Header) -> Element:
    for element in header.elements:
        if element.name == 'vertex':
            return element
    found = f'elements {sorted(element.name for element in header.elements)}'
    raise bad_file(path, found=found, wanted='vertex', fix='Export the points as vertices.')


def _text_table(data: bytes, skipped: int, vertex: Element) -> np.ndarray:
    """(N, properties) float64 of the rows of text behind the skipped ones."""
    if not vertex.count:
        return np.empty((0, len(vertex.properties)))
    table = np.loadtxt(io.BytesIO(data), skiprows=skipped, max_rows=vertex.count, ndmin=2)
    if table.shape != (vertex.count, len(vertex.row('<'))):
        raise ValueError(f'vertices of shape {table.shape}, the header announces {vertex.count}')
    return table


def _refusing(path: str) -> AbstractContextManager[None]:
    errors = ValueError, KeyError, IndexError, TypeError, OverflowError
    return refusing(path, *errors, wanted='an ascii or binary .ply with a vertex element')


def read_mesh(path: str) -> tuple[np.ndarray, np.ndarray]:
    """A triangle mesh: vertices (N,), a structured array of their properties, and faces (F, 3) int64, rows of it.

    ValueError where the file is cut off or corrupt, where it has no faces, or faces that are no triangles."""
    with open(path, 'rb') as file, _refusing(path):
        header = parse_header(file.read(MAX_HEADER_BYTES), os.path.getsize(path))
    _vertex(path, header)
    # plyfile turns words of the file into types, numbers and rows, and raises nearly anything
    with refusing(path, Exception, wanted='an ascii or binary .ply with a vertex element'):
        data = PlyData.read(path, known_list_len={'face': {'vertex_indices': 3}})
        elements = {element.name: element.data for element in data.elements}
    if 'face' not in elements or 'vertex_indices' not in elements['face'].dtype.names:
        raise bad_file(
            path,
            found=f'elements {sorted(elements)}',
            wanted='vertex, and face with vertex_indices',
            fix='Export the mesh.',
        )
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
