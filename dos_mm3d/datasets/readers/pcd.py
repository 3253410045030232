"""Point Cloud Library files (`.pcd` version 0.7): ascii, binary, binary_compressed, fields in any order, type and
count."""

import io
from dataclasses import dataclass

import numba
import numpy as np

from .base import ReadOptions, refusing

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
    errors = ValueError, KeyError, IndexError  # of the header, or of data that do not fit it
    with refusing(path, *errors, wanted='a .pcd file with ascii, binary or binary_compressed data'):
        header = parse_header(content)
        columns = DECODERS[header.encoding](content[header.offset :], header)
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
        raise ValueError('no DATA line in the header')
    counts = [int(c) for c in entries.get('COUNT', ['1'] * len(entries['FIELDS']))]
    kinds = [np.dtype(f'<{KINDS[t]}{s}') for t, s in zip(entries['TYPE'], entries['SIZE'], strict=True)]
    # '_' pads and may occur several times; numbered, it stays in the layout.
    names = [f'_{i}' if name == '_' else name for i, name in enumerate(entries['FIELDS'])]
    fields = {name: (kind, count) for name, kind, count in zip(names, kinds, counts, strict=True)}
    width, height = int(entries['WIDTH'][0]), int(entries['HEIGHT'][0])
    n_points = int(entries.get('POINTS', [width * height])[0])
    if n_points != width * height or n_points < 0:
        raise ValueError(f'POINTS {n_points} is not WIDTH x HEIGHT = {width} x {height}')
    return Header(fields, height, n_points, entries['DATA'][0].lower(), offset)


def _decode_ascii(data: bytes, header: Header) -> dict[str, np.ndarray]:
    table = np.loadtxt(io.BytesIO(data), dtype=np.float64, ndmin=2, comments='#') if data.strip() else np.empty((0, 0))
    ends = np.cumsum([count for _, count in header.fields.values()])
    if table.shape[0] != header.n_points or (header.n_points and table.shape[1] != ends[-1]):
        raise ValueError(f'data of shape {table.shape}, the header announces ({header.n_points}, {ends[-1]})')
    table = table.reshape(header.n_points, ends[-1])
    return dict(zip(header.fields, np.split(table, ends[:-1], axis=1), strict=True))


def _decode_binary(data: bytes, header: Header) -> dict[str, np.ndarray]:
    wanted = header.n_points * header.point.itemsize
    if len(data) < wanted:
        raise ValueError(f'{len(data)} bytes of data, the header announces {wanted}')
    points = np.frombuffer(data, header.point, header.n_points)
    return {name: points[name] for name in header.fields}


def _decode_compressed(data: bytes, header: Header) -> dict[str, np.ndarray]:
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
