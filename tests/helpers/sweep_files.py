"""Sweeps of every format for the tests of the readers, and what their refusals must say."""

import math
from pathlib import Path

import numpy as np
import pyarrow
import pytest
from pyarrow import feather

from dos_mm3d.datasets.readers import read_sweep

REAL = Path(__file__).parents[3] / 'shared' / 'data' / 'real'
PCD_ENCODINGS = ('ascii', 'binary', 'binary_compressed')


def make_sweep(n: int = 2000, seed: int = 0) -> np.ndarray:
    """(n, 5) float32: x, y, z, intensity 0-255, ring, ordered like a spinning 32-beam sensor writes them."""
    rng = np.random.default_rng(seed)
    ring = np.arange(n) % 32
    azimuth_rad = np.arange(n) // 32 * 2 * math.pi / (n / 32)
    range_m = rng.uniform(3, 60) + 5 * np.sin(3 * azimuth_rad) + rng.normal(0, 0.1, n)
    columns = (
        range_m * np.cos(azimuth_rad),
        range_m * np.sin(azimuth_rad),
        -1.8 + 0.05 * ring + rng.normal(0, 0.05, n),
        rng.integers(0, 256, n),
        ring,
    )
    return np.stack(columns, 1).astype(np.float32)


def lzf_compress(data: bytes) -> bytes:
    """The plain counterpart of the decompressor, with literals and back references of every kind."""
    out, literals, seen, i = bytearray(), bytearray(), {}, 0

    def flush() -> None:
        while literals:
            run = literals[:32]
            out.append(len(run) - 1)
            out.extend(run)
            del literals[:32]

    while i < len(data):
        start = seen.get(data[i : i + 3], -1)
        seen[data[i : i + 3]] = i
        length = 0
        if start >= 0 and i - start <= 8192:
            while i + length < len(data) and length < 264 and data[start + length] == data[i + length]:
                length += 1
        if length < 3:
            literals.append(data[i])
            i += 1
            continue
        flush()
        distance = i - start - 1
        out.append((min(length - 2, 7) << 5) | (distance >> 8))
        if length - 2 >= 7:
            out.append(length - 2 - 7)
        out.append(distance & 255)
        i += length
    flush()
    return bytes(out)


def write_pcd(path: Path, fields: list[tuple[str, np.ndarray]], encoding: str, height: int = 1) -> None:
    """`fields`: (name, (n,) or (n, count) array) in file order."""
    arrays = [(name, values if values.ndim == 2 else values[:, None]) for name, values in fields]
    n = len(arrays[0][1])
    kinds = {'f': 'F', 'i': 'I', 'u': 'U'}
    header = [
        '# .PCD v0.7 - Point Cloud Data file format',
        'VERSION 0.7',
        'FIELDS ' + ' '.join(name for name, _ in arrays),
        'SIZE ' + ' '.join(str(v.dtype.itemsize) for _, v in arrays),
        'TYPE ' + ' '.join(kinds[v.dtype.kind] for _, v in arrays),
        'COUNT ' + ' '.join(str(v.shape[1]) for _, v in arrays),
        f'WIDTH {n // height}',
        f'HEIGHT {height}',
        'VIEWPOINT 0 0 0 1 0 0 0',
        f'POINTS {n}',
        f'DATA {encoding}',
    ]
    if encoding == 'ascii':
        rows = np.concatenate([v.astype(np.float64) for _, v in arrays], 1)
        data = '\n'.join(' '.join(repr(float(x)) for x in row) for row in rows).encode()
    elif encoding == 'binary':
        data = b''.join(b''.join(v[i].tobytes() for _, v in arrays) for i in range(n))
    else:
        whole = b''.join(v.tobytes() for _, v in arrays)
        packed = lzf_compress(whole)
        data = np.array([len(packed), len(whole)], '<u4').tobytes() + packed
    path.write_bytes('\n'.join(header).encode() + b'\n' + data)


def mixed_fields(sweep: np.ndarray) -> list[tuple[str, np.ndarray]]:
    """Fields in an odd order, of odd types and counts."""
    return [
        ('ring', sweep[:, 4].astype(np.uint16)),
        ('Intensity', sweep[:, 3].astype(np.uint8)),
        ('z', sweep[:, 2].astype(np.float64)),
        ('normal', np.repeat(sweep[:, :1], 3, 1)),
        ('x', sweep[:, 0]),
        ('y', sweep[:, 1]),
    ]


def check_message(message: str, path: Path, *parts: str) -> None:
    """File, found, wanted and advice are all there."""
    for part in (str(path), 'found', 'wanted', *parts):
        assert part in message, f'{part!r} is missing from: {message}'


def refusal(path: Path, **options) -> str:
    with pytest.raises(ValueError) as error:
        read_sweep(path, **options)
    return str(error.value)


def write_feather(path: Path, sweep: np.ndarray) -> None:
    columns = {name: sweep[:, i].astype(np.float16) for i, name in enumerate('xyz')}
    table = {'laser_number': sweep[:, 4].astype(np.uint8), **columns, 'intensity': sweep[:, 3].astype(np.uint8)}
    feather.write_feather(pyarrow.table(table), str(path))


def write_ply(path: Path, fields: list[tuple[str, np.ndarray]], encoding: str) -> None:
    """`fields`: (name, (n,) array) of vertices in file order; also what plyfile refuses to write."""
    types = {'f4': 'float', 'f8': 'double', 'u1': 'uchar', 'u2': 'ushort', 'i4': 'int'}
    header = ['ply', f'format {encoding} 1.0', f'element vertex {len(fields[0][1])}']
    header += [f'property {types[values.dtype.str[1:]]} {name}' for name, values in fields]
    if encoding == 'ascii':
        data = '\n'.join(' '.join(repr(float(x)) for x in row) for row in zip(*(values for _, values in fields)))
        data = data.encode()
    else:
        order = '<' if 'little' in encoding else '>'
        row = np.dtype([(f'{i}', order + values.dtype.str[1:]) for i, (_, values) in enumerate(fields)])
        table = np.zeros(len(fields[0][1]), row)
        for i, (_, values) in enumerate(fields):
            table[f'{i}'] = values
        data = table.tobytes()
    path.write_bytes('\n'.join([*header, 'end_header', '']).encode() + data)
