"""Broken sweeps of every format: whole ones with changed bytes, and files whose header and content do not agree.

`BROKEN[NAME]` is a strategy of (suffix, content) for the reader of that name."""

import io
import pickle
import tempfile
import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pyarrow
from hypothesis import strategies as st
from pyarrow import feather

from tests.helpers import sweep_files as files
from tests.helpers.fuzz import broken

File = tuple[str, bytes]
ODD_NUMBERS = ['0', '-1', '1', '3', '7', '16', '64', '1e9', '99999999999', '18446744073709551616', 'nan', '8,4']
ODD_NAMES = ['x', 'y', 'z', '_', 'rgb', 'intensity', 'X', 'F', 'I', 'U', 'list', 'float', 'double', 'uchar', 'int64']
ODD_LINES = [
    'ascii',
    'binary',
    'binary_compressed',
    'vertex',
    'element',
    'property',
    'end_header',
    'DATA',
    '#',
    '\0',
    'é',
]
ODD_WORDS = st.sampled_from(ODD_NUMBERS + ODD_NAMES + ODD_LINES)
MARKER = 'code_was_run'
"""A file of this name appears in the working directory where a pickle is loaded."""
SWEEP = files.make_sweep(160)


class Trap:
    """Unpickled it makes a file."""

    def __reduce__(self) -> tuple:
        return Path(MARKER).touch, ()


def written(suffix: str, write: Callable[[Path], None]) -> bytes:
    """What `write` puts into a file of this suffix."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / f'a{suffix}'
        write(path)
        return path.read_bytes()


def npy(array: np.ndarray) -> bytes:
    """A .npy file, of pickled objects where it has some."""
    file = io.BytesIO()
    np.save(file, array, allow_pickle=True)
    return file.getvalue()


def npz(compressed: bool = True, **arrays: np.ndarray) -> bytes:
    """An .npz file."""
    file = io.BytesIO()
    (np.savez_compressed if compressed else np.savez)(file, **arrays)
    return file.getvalue()


@st.composite
def words_changed(draw: Callable, content: bytes, end: bytes) -> bytes:
    """A file with up to four words of its text header, which goes up to `end`, replaced, doubled or taken out."""
    header, mark, rest = content.partition(end)
    lines = [line.split(b' ') for line in header.split(b'\n')]
    for _ in range(draw(st.integers(1, 4))):
        line = draw(st.sampled_from(lines))
        at = draw(st.integers(0, max(len(line) - 1, 0)))
        what = draw(st.sampled_from(['replace'] * 4 + ['double', 'drop', 'line']))
        if what == 'replace' and line:
            line[at] = draw(ODD_WORDS).encode()
        elif what == 'double' and line:
            line.insert(at, line[at])
        elif what == 'drop' and line:
            del line[at]
        else:
            lines.insert(draw(st.integers(0, len(lines))), list(line))
    return b'\n'.join(b' '.join(line) for line in lines) + mark + rest


def pcd_files() -> list[bytes]:
    """Whole .pcd files."""
    return [
        written('.pcd', lambda path, how=how, fields=fields: files.write_pcd(path, fields, how))
        for how in files.PCD_ENCODINGS
        for fields in (files.mixed_fields(SWEEP), [(name, SWEEP[:, i]) for i, name in enumerate('xyz')])
    ]


def ply_files() -> list[bytes]:
    """Whole .ply files."""
    fields = [*((name, SWEEP[:, i]) for i, name in enumerate('xyz')), ('intensity', SWEEP[:, 3].astype(np.uint8))]
    encodings = 'ascii', 'binary_little_endian', 'binary_big_endian'
    return [written('.ply', lambda path, how=how: files.write_ply(path, fields, how)) for how in encodings]


def npy_files() -> list[bytes]:
    """Whole .npy files, and one that is a trap."""
    named = np.zeros(50, [('x', 'f4'), ('y', 'f8'), ('z', 'f4'), ('i', 'u1'), ('s', 'U3'), ('n', 'f4', (3,))])
    named['x'] = np.arange(50)
    arrays = SWEEP, SWEEP.astype('>f8'), named, np.asfortranarray(SWEEP), SWEEP.reshape(10, 16, 5), np.eye(4)
    return [*map(npy, arrays), npy(np.array([Trap()], object)), pickle.dumps(Trap())]


@st.composite
def npy_headers(draw: Callable) -> bytes:
    """A .npy file whose header says something of its own."""
    kinds = ['<f4', '>f8', '<f2', '|O', '|V0', '|S0', '<U9', '<M8[ns]', '<c8', '|b1', '<i8', '<f16', 'x', '', '<f4,<f4']
    shapes = ['()', '(0,)', '(160, 5)', '(4, 4)', '(10**9, 4)', '(1000000000, 4)', '(-1, 4)', '(2.5, 4)', "('a',)"]
    shapes += [
        '(True, 4)',
        '(0, 99999999999)',
        '(' * 90 + ')' * 90,
        '-' * 5000 + '1',
        '[160, 5]',
        '(4294967296, 4294967296)',
    ]
    kind = draw(
        st.sampled_from([repr(k) for k in kinds] + ["[('x', '<f4'), ('x', '<f4')]", "[('x', '|O')]", '{}', '3'])
    )
    order = draw(st.sampled_from(['False', 'True', '2', 'None']))
    text = f"{{'descr': {kind}, 'fortran_order': {order}, 'shape': {draw(st.sampled_from(shapes))}, }}"
    text = draw(st.sampled_from([text, text[:-2], text + ' ' * 9000, '{}', text.replace('shape', 'form')])) + '\n'
    version = draw(st.sampled_from([b'\x01\x00', b'\x02\x00', b'\x03\x00', b'\x09\x09']))
    length = len(text).to_bytes(2 if version[0] == 1 else 4, 'little')
    return b'\x93NUMPY' + version + length + text.encode() + SWEEP.tobytes()[: draw(st.integers(0, SWEEP.nbytes))]


def npz_files() -> list[bytes]:
    """Whole .npz files, bombs, and one that is a trap."""
    image = SWEEP.reshape(10, 16, 5)
    large = np.zeros((3_000_000, 4), np.float32)
    return [
        npz(points=SWEEP),
        npz(compressed=False, range_image=image, labels=np.zeros(3)),
        npz(a=SWEEP, b=SWEEP),
        npz(points=large),
        npz(points=np.array([Trap()], object)),
        npz(),
    ]


@st.composite
def npz_members(draw: Callable) -> bytes:
    """An archive whose members are odd files under odd names."""
    file = io.BytesIO()
    methods = zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA
    with zipfile.ZipFile(file, 'w', draw(st.sampled_from(methods))) as archive:
        for _ in range(draw(st.integers(0, 2))):
            name = draw(st.sampled_from(['points.npy', 'range_image.npy', '.npy', '../a.npy', 'a.txt', 'é.npy']))
            if name not in archive.namelist():
                archive.writestr(
                    name, draw(st.one_of(npy_headers(), st.sampled_from(npy_files()), st.binary(max_size=99)))
                )
    return file.getvalue()


def feather_files() -> list[bytes]:
    """Whole .feather files of odd columns."""
    xyz = {name: SWEEP[:, i] for i, name in enumerate('xyz')}
    odd = {
        'bytes': SWEEP[:, 3].astype(np.uint8),
        'none': [None] * 160,
        'some': [None, 1.0] * 80,
        'text': ['a'] * 160,
        'lists': [[1.0]] * 160,
        'times': pyarrow.array(np.arange(160), pyarrow.timestamp('ns')),
        'words': pyarrow.array(['a', 'b'] * 80).dictionary_encode(),
        'truth': [True, False] * 80,
    }
    tables = [pyarrow.table({**xyz, 'intensity': column}) for column in odd.values()]
    tables += [pyarrow.table({**xyz, 'z': odd[name], 'intensity': odd['bytes']}) for name in ('text', 'some', 'lists')]
    tables += [tables[0].slice(0, 0), tables[0].drop(['z']), tables[0].append_column('X', pyarrow.array(SWEEP[:, 0]))]
    compressions = 'uncompressed', 'lz4', 'zstd'
    return [
        written('.feather', lambda path, t=table, c=how: feather.write_feather(t, str(path), compression=c))
        for table in tables
        for how in compressions
    ]


@st.composite
def raw_numbers(draw: Callable) -> bytes:
    """Numbers of some type in some columns, with odd ones among them."""
    kind = np.dtype(draw(st.sampled_from(['<f4'] * 6 + ['<f8', '<f2', '>f4', '<i2', '<i4', '<u1', '<i8', '<u4'])))
    columns, n = draw(st.integers(1, 18)), draw(st.integers(0, 200))
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    table = rng.normal(0, draw(st.sampled_from([1e-30, 1e-3, 1, 30, 1e4, 1e30])), (n, columns))
    table[:, : min(columns, 5)] += SWEEP[:1, : min(columns, 5)] if draw(st.booleans()) else 0
    for value in draw(st.lists(st.sampled_from([0, np.nan, np.inf, -np.inf, -1, 1e6, 2e4, 1e38, -1e-40]), max_size=3)):
        table[rng.random(table.shape) < draw(st.sampled_from([0.01, 0.3, 1]))] = value
    with np.errstate(all='ignore'):
        return table.astype(kind).tobytes() + draw(st.binary(max_size=5))


def of(suffix: str, *contents: st.SearchStrategy[bytes]) -> st.SearchStrategy[File]:
    """Files of one suffix, with an eighth of pure noise."""
    return st.tuples(st.just(suffix), st.one_of(*contents, st.binary(max_size=200)))


def changed(wholes: list[bytes]) -> st.SearchStrategy[bytes]:
    """One of the whole files as it is, or broken."""
    return st.one_of(st.sampled_from(wholes), st.sampled_from(wholes).flatmap(broken))


def headers(wholes: list[bytes], end: bytes) -> st.SearchStrategy[bytes]:
    """One of the whole files with other words in its text header."""
    return st.sampled_from(wholes).flatmap(lambda whole: words_changed(whole, end))


RAW = [SWEEP[:, :columns].tobytes() for columns in (3, 4, 5)] + [SWEEP.astype('<f8').tobytes()]
BROKEN: dict[str, st.SearchStrategy[File]] = {
    'bin': of('.bin', raw_numbers(), raw_numbers(), changed(RAW)),
    'pcd.bin': of('.pcd.bin', raw_numbers(), raw_numbers(), changed(RAW)),
    'pcd': of('.pcd', changed(pcd_files()), headers(pcd_files(), b'DATA'), headers(pcd_files(), b'\x00')),
    'ply': of('.ply', changed(ply_files()), headers(ply_files(), b'end_header')),
    'npy': of('.npy', changed(npy_files()), npy_headers()),
    'npz': of('.npz', changed(npz_files()), npz_members()),
    'feather': of('.feather', changed(feather_files())),
}
