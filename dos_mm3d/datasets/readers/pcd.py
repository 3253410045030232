"""Point Cloud Library files (`.pcd` version 0.7): ascii, binary, binary_compressed, fields in any order, type and
count."""

import io
import os
from contextlib import AbstractContextManager
from dataclasses import dataclass

import numba
import numpy as np

from .base import ReadOptions, check_names, check_unpacked, distinct, refusing

KINDS = {
    (kind, size): np.dtype(f'<{kind.lower()}{size}')
    for kind in 'FIU'
    for size in (1, 2, 4, 8)
    if (kind, size) != ('F', 1)
}
PADDING_BYTES = 2**12  # behind the points; more are points that the header does not count
AT_ORIGIN = 1e-6  # metres, or parts of a quaternion
MAX_HEADER_LINES, MAX_HEADER_BYTES = 64, 2**14


@dataclass(frozen=True)
class Header:
    """names: as the file has them; viewpoint: pose of the sensor, x, y, z and w, x, y, z of a quaternion, as it is
    written; fields: name -> (numpy type of one value, values a point), in file order, as
    `distinct` names them; offset: byte where the data begin."""

    names: list[str]
    fields: dict[str, tuple[np.dtype, int]]
    n_points: int
    encoding: str
    offset: int
    viewpoint: tuple[str, ...] = ()

    @property
    def point(self) -> np.dtype:
        """One point as a packed structure."""
        return np.dtype([(name, kind, (count,)) for name, (kind, count) in self.fields.items()])


def read_pcd(path: str, options: ReadOptions) -> dict[str, np.ndarray]:
    """Fields with one value a point: name -> (N,). Also those of the empty cells of an organised cloud."""
    with open(path, 'rb') as file:
        content = file.read()
    with _refusing(path):
        header = parse_header(content)
        check_names(path, header.names)
        check_unpacked(path, header.n_points * header.point.itemsize)
        columns = DECODERS[header.encoding](memoryview(content)[header.offset :], header)
    return {name: values[:, 0] for name, values in columns.items() if values.shape[1] == 1}


def pcd_columns(path: str) -> list[str]:
    """Names of the fields, from the header alone; ValueError where it is none, or announces more than the file has."""
    with open(path, 'rb') as file, _refusing(path):
        header = parse_header(file.read(MAX_HEADER_BYTES))
        n_points, n_bytes = header.n_points, os.path.getsize(path) - header.offset
        least = {'ascii': 2 * n_points - 1, 'binary': n_points * header.point.itemsize}.get(header.encoding, 0)
        if n_bytes < least:
            raise ValueError(f'{n_bytes} bytes of data, for {n_points} points')
        return header.names


def pcd_pose(path: str) -> str:
    """VIEWPOINT as it is written, where it says of another place or direction than the origin of the points and their
    axes, or is none; '' else. What it means is not agreed upon: points are read as they are stored."""
    with open(path, 'rb') as file, _refusing(path):
        words = parse_header(file.read(MAX_HEADER_BYTES)).viewpoint
    try:
        pose = np.array(words, np.float64)
    except ValueError:
        return ' '.join(words)
    at_origin = len(pose) == 7 and np.allclose(pose[[0, 1, 2, 4, 5, 6]], 0, atol=AT_ORIGIN)
    return '' if at_origin or not pose.any() else ' '.join(words)


def _refusing(path: str) -> AbstractContextManager[None]:
    errors = ValueError, KeyError, IndexError, OverflowError  # of the header, or of data that do not fit it
    return refusing(path, *errors, wanted='a .pcd file with ascii, binary or binary_compressed data')


def parse_header(content: bytes) -> Header:
    """The text lines up to and including DATA; ValueError or KeyError where they are incomplete."""
    entries, offset = {}, 0
    while 'DATA' not in entries:
        end = content.index(b'\n', offset)
        words = content[offset:end].decode('ascii', 'replace').split()
        offset = end + 1
        if words and not words[0].startswith('#'):
            entries[words[0].upper()] = words[1:]
        if len(entries) > MAX_HEADER_LINES:
            raise ValueError('no DATA line in the header')
    counts = [int(c) for c in entries.get('COUNT', ['1'] * len(entries['FIELDS']))]
    kinds = [KINDS[kind, int(size)] for kind, size in zip(entries['TYPE'], entries['SIZE'], strict=True)]
    names = entries['FIELDS']
    fields = {name: (kind, count) for name, kind, count in zip(distinct(names), kinds, counts, strict=True)}
    width, height = int(entries['WIDTH'][0]), int(entries['HEIGHT'][0])
    n_points = int(entries.get('POINTS', [width * height])[0])
    if n_points != width * height or n_points < 0:
        raise ValueError(f'POINTS {n_points} is not WIDTH x HEIGHT = {width} x {height}')
    viewpoint = tuple(entries.get('VIEWPOINT', ()))
    return Header(names, fields, n_points, entries['DATA'][0].lower(), offset, viewpoint)


def _decode_ascii(data: memoryview, header: Header) -> dict[str, np.ndarray]:
    ends = np.cumsum([count for _, count in header.fields.values()])
    table = np.empty((0, ends[-1]))
    if header.n_points:
        table = np.loadtxt(io.BytesIO(data), dtype=np.float64, ndmin=2, comments='#')
    if table.shape != (header.n_points, ends[-1]):
        raise ValueError(f'data of shape {table.shape}, the header announces ({header.n_points}, {ends[-1]})')
    return dict(zip(header.fields, np.split(table, ends[:-1], axis=1), strict=True))


def _decode_binary(data: memoryview, header: Header) -> dict[str, np.ndarray]:
    wanted = header.n_points * header.point.itemsize
    if not wanted <= len(data) <= wanted + max(PADDING_BYTES, wanted // 10):
        raise ValueError(f'{len(data)} bytes of data, the header announces {wanted}')
    points = np.frombuffer(data, header.point, header.n_points)
    return {name: points[name] for name in header.fields}


def _decode_compressed(data: memoryview, header: Header) -> dict[str, np.ndarray]:
    """Two uint32 sizes, then LZF data that hold field after field, each for all points."""
    wanted = header.n_points * header.point.itemsize
    n_packed, n_unpacked = (int(n) for n in np.frombuffer(data, '<u4', 2))
    if n_unpacked != wanted or len(data) < 8 + n_packed:
        raise ValueError(
            f'{len(data) - 8} packed bytes for {n_unpacked} unpacked ones, '
            f'their sizes are given as {n_packed} and, by the header, {wanted}'
        )
    unpacked = lzf_decompress(np.frombuffer(data, np.uint8, n_packed, 8), n_unpacked)
    columns, start = {}, 0
    for name, (kind, count) in header.fields.items():
        end = start + header.n_points * count * kind.itemsize
        columns[name] = unpacked[start:end].view(kind).reshape(-1, count)
        start = end
    return columns


DECODERS = {'ascii': _decode_ascii, 'binary': _decode_binary, 'binary_compressed': _decode_compressed}


def lzf_decompress(data: np.ndarray, n_bytes: int) -> np.ndarray:
    """The (n_bytes,) uint8 that `data` (m,) uint8 stands for in LZF, the format of M. Lehmann's liblzf; ValueError
    where it does not decompress to exactly that many."""
    out = np.empty(n_bytes, np.uint8)
    written = _decompress(data, out)
    if written != n_bytes:
        raise ValueError(f'LZF stream of {data.size} bytes does not decompress to the stated {n_bytes} bytes')
    return out


@numba.njit(cache=True)
def _decompress(data: np.ndarray, out: np.ndarray) -> int:
    """Bytes written, or -1 where the stream runs over either end.

    A control byte below 32 is followed by that many + 1 literal bytes; any other one copies from what is already
    written: its upper three bits are the length - 2 (7: another byte adds to it), its lower five the high part of
    the distance - 1."""
    i = o = 0
    while i < data.size:
        control = np.int64(data[i])
        i += 1
        if control < 32:
            length = control + 1
            if i + length > data.size or o + length > out.size:
                return -1
            out[o : o + length] = data[i : i + length]
            i += length
        else:
            length = control >> 5
            if length == 7:
                if i >= data.size:
                    return -1
                length += np.int64(data[i])
                i += 1
            length += 2
            if i >= data.size:
                return -1
            start = o - ((control & 31) << 8) - np.int64(data[i]) - 1
            i += 1
            if start < 0 or o + length > out.size:
                return -1
            for k in range(length):  # byte by byte: source and target may overlap, which is how runs are coded
                out[o + k] = out[start + k]
        o += length
    return o
