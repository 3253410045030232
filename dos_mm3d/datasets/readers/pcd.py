"""Point Cloud Library files (`.pcd` version 0.7): ascii, binary, binary_compressed, fields in any order, type and
count."""

import io
from dataclasses import dataclass

import numpy as np

from ...errors import InputError
from .base import ReadOptions, bad_file
from .lzf import lzf_decompress

KINDS = {'F': 'f', 'I': 'i', 'U': 'u'}
MAX_HEADER_LINES = 64


@dataclass(frozen=True)
class Header:
    """fields: name -> (numpy type of one value, values a point), in file order; offset: byte where the data begin."""

    fields: dict[str, tuple[np.dtype, int]]
    height: int
    n_points: int
    encoding: str
    offset: int

    @property
    def point(self) -> np.dtype:
        """One point as a packed structure."""
        return np.dtype([(name, kind, (count,)) for name, (kind, count) in self.fields.items()])


def read_pcd(path: str, options: ReadOptions) -> dict[str, np.ndarray]:
    """Fields with one value a point: name -> (N,). Of an organised cloud (height > 1) the empty cells, which PCL
    writes as NaN in x, y and z, are left out."""
    with open(path, 'rb') as file:
        content = file.read()
    try:
        header = parse_header(content)
        columns = DECODERS[header.encoding](content[header.offset :], header)
    except (ValueError, KeyError, IndexError, UnicodeDecodeError) as error:
        raise bad_file(
            path,
            found=f'no whole point cloud ({type(error).__name__}: {error})',
            wanted='a .pcd file with ascii, binary or binary_compressed data',
            fix='The file is truncated or corrupt: copy it again.',
        ) from error
    columns = {name: values[:, 0] for name, values in columns.items() if values.shape[1] == 1}
    if header.height > 1 and {'x', 'y', 'z'} <= columns.keys():
        filled = ~(np.isnan(columns['x']) & np.isnan(columns['y']) & np.isnan(columns['z']))
        columns = {name: values[filled] for name, values in columns.items()}
    return columns


def parse_header(content: bytes) -> Header:
    """The text lines up to and including DATA; ValueError or KeyError where they are incomplete."""
    entries, offset = {}, 0
    for _ in range(MAX_HEADER_LINES):
        end = content.index(b'\n', offset)
        words = content[offset:end].decode('ascii').split()
        offset = end + 1
        if words and not words[0].startswith('#'):
            entries[words[0].upper()] = words[1:]
        if 'DATA' in entries:
            break
    else:
        raise InputError('no DATA line in the header')
    counts = [int(c) for c in entries.get('COUNT', ['1'] * len(entries['FIELDS']))]
    kinds = [np.dtype(f'<{KINDS[t]}{s}') for t, s in zip(entries['TYPE'], entries['SIZE'], strict=True)]
    # '_' pads and may occur several times; numbered, it stays in the layout.
    names = [f'_{i}' if name == '_' else name for i, name in enumerate(entries['FIELDS'])]
    fields = {name: (kind, count) for name, kind, count in zip(names, kinds, counts, strict=True)}
    width, height = int(entries['WIDTH'][0]), int(entries['HEIGHT'][0])
    n_points = int(entries.get('POINTS', [width * height])[0])
    if n_points != width * height or n_points < 0:
        raise InputError(f'POINTS {n_points} is not WIDTH x HEIGHT = {width} x {height}')
    return Header(fields, height, n_points, entries['DATA'][0].lower(), offset)


def _decode_ascii(data: bytes, header: Header) -> dict[str, np.ndarray]:
    table = np.loadtxt(io.BytesIO(data), dtype=np.float64, ndmin=2, comments='#') if data.strip() else np.empty((0, 0))
    ends = np.cumsum([count for _, count in header.fields.values()])
    if table.shape[0] != header.n_points or (header.n_points and table.shape[1] != ends[-1]):
        raise InputError(f'data of shape {table.shape}, the header announces ({header.n_points}, {ends[-1]})')
    table = table.reshape(header.n_points, ends[-1])
    return dict(zip(header.fields, np.split(table, ends[:-1], axis=1), strict=True))


def _decode_binary(data: bytes, header: Header) -> dict[str, np.ndarray]:
    wanted = header.n_points * header.point.itemsize
    if len(data) < wanted:
        raise InputError(f'{len(data)} bytes of data, the header announces {wanted}')
    points = np.frombuffer(data, header.point, header.n_points)
    return {name: points[name] for name in header.fields}


def _decode_compressed(data: bytes, header: Header) -> dict[str, np.ndarray]:
    """Two uint32 sizes, then LZF data that hold field after field, each for all points."""
    wanted = header.n_points * header.point.itemsize
    n_packed, n_unpacked = (int(n) for n in np.frombuffer(data, '<u4', 2))
    if n_unpacked != wanted or len(data) < 8 + n_packed:
        raise InputError(
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
