"""Every format gives the sweep back; every bad file is refused with its name, what was found, wanted and what to do."""

import math
from pathlib import Path

import numpy as np
import pyarrow
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from plyfile import PlyData, PlyElement
from pyarrow import feather

from dos_mm3d.datasets.readers import read_sweep
from dos_mm3d.datasets.readers.lzf import _decompress, lzf_decompress

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


# --- every format gives the points back ---


@pytest.mark.parametrize(('name', 'columns'), [('a.bin', 4), ('a.pcd.bin', 5)])
def test_raw_files_have_the_columns_of_their_suffix(tmp_path, name, columns):
    sweep = make_sweep()
    sweep[:, :columns].tofile(tmp_path / name)
    assert_array_equal(read_sweep(tmp_path / name), sweep[:, :4])


def test_one_number_of_bin_columns_is_for_all_raw_files_and_a_mapping_for_some(tmp_path):
    sweep = make_sweep()
    for name in ('a.bin', 'a.pcd.bin'):
        np.c_[sweep, sweep[:, 4]].tofile(tmp_path / name)
        assert_array_equal(read_sweep(tmp_path / name, bin_columns=6), sweep[:, :4])
    assert_array_equal(read_sweep(tmp_path / 'a.bin', bin_columns={'.bin': 6}), sweep[:, :4])


@pytest.mark.parametrize('encoding', PCD_ENCODINGS)
def test_pcd_fields_may_come_in_any_order_type_and_count(tmp_path, encoding):
    sweep = make_sweep(700)
    write_pcd(tmp_path / 'a.pcd', mixed_fields(sweep), encoding)
    assert_array_equal(read_sweep(tmp_path / 'a.pcd'), sweep[:, :4])


def test_empty_cells_of_an_organised_pcd_are_left_out(tmp_path):
    sweep = make_sweep(64)
    holed = sweep.copy()
    holed[[3, 40], :3] = np.nan
    write_pcd(tmp_path / 'a.pcd', mixed_fields(holed), 'binary', height=2)
    assert_array_equal(read_sweep(tmp_path / 'a.pcd'), np.delete(sweep, [3, 40], 0)[:, :4])
    write_pcd(tmp_path / 'flat.pcd', mixed_fields(holed), 'binary')
    assert '2 of 64 points with NaN' in refusal(tmp_path / 'flat.pcd')


def test_npy_tables_and_structured_arrays(tmp_path):
    sweep = make_sweep()
    np.save(tmp_path / 'table.npy', sweep.astype(np.float64))
    named = np.zeros(len(sweep), [('remission', 'u1'), ('y', 'f8'), ('x', 'f4'), ('z', 'f4')])
    for i, name in enumerate(('x', 'y', 'z', 'remission')):
        named[name] = sweep[:, i]
    np.save(tmp_path / 'named.npy', named)
    for name in ('table.npy', 'named.npy'):
        assert_array_equal(read_sweep(tmp_path / name), sweep[:, :4])


def test_empty_cells_of_a_range_image_are_left_out(tmp_path):
    image = np.zeros((4, 8, 6), np.float32)
    full = np.random.default_rng(0).random((4, 8)) < 0.6
    image[full] = np.c_[make_sweep(int(full.sum())), np.ones(int(full.sum()))]
    np.savez_compressed(tmp_path / 'a.npz', range_image=image, labels=np.zeros(3))
    assert_array_equal(read_sweep(tmp_path / 'a.npz'), image[full][:, :4])


def test_npz_key_is_stated_or_the_only_array(tmp_path):
    sweep = make_sweep()
    np.savez(tmp_path / 'one.npz', cloud=sweep)
    np.savez(tmp_path / 'two.npz', cloud=sweep, labels=np.zeros(3))
    assert_array_equal(read_sweep(tmp_path / 'one.npz'), sweep[:, :4])
    assert_array_equal(read_sweep(tmp_path / 'two.npz', npz_key='cloud'), sweep[:, :4])
    check_message(refusal(tmp_path / 'two.npz'), tmp_path / 'two.npz', "['cloud', 'labels']", 'npz_key')
    check_message(refusal(tmp_path / 'one.npz', npz_key='points'), tmp_path / 'one.npz', "npz_key='points'")


@pytest.mark.parametrize('text', [True, False])
def test_ply_ascii_and_binary(tmp_path, text):
    sweep = make_sweep(300)
    vertices = np.zeros(len(sweep), [('intensity', 'u1'), ('x', 'f8'), ('y', 'f4'), ('z', 'f4'), ('red', 'u1')])
    for i, name in enumerate(('x', 'y', 'z', 'intensity')):
        vertices[name] = sweep[:, i]
    PlyData([PlyElement.describe(vertices, 'vertex')], text=text).write(str(tmp_path / 'a.ply'))
    assert_allclose(read_sweep(tmp_path / 'a.ply'), sweep[:, :4], rtol=1e-6)


def write_feather(path: Path, sweep: np.ndarray) -> None:
    columns = {name: sweep[:, i].astype(np.float16) for i, name in enumerate('xyz')}
    table = {'laser_number': sweep[:, 4].astype(np.uint8), **columns, 'intensity': sweep[:, 3].astype(np.uint8)}
    feather.write_feather(pyarrow.table(table), str(path))


def test_feather_with_half_precision_and_bytes_becomes_float32(tmp_path):
    sweep = make_sweep()
    write_feather(tmp_path / 'a.feather', sweep)
    read = read_sweep(tmp_path / 'a.feather')
    assert read.dtype == np.float32
    assert_array_equal(read[:, :3], sweep[:, :3].astype(np.float16).astype(np.float32))
    assert_array_equal(read[:, 3], sweep[:, 3])


def test_missing_intensity_is_an_error_unless_allowed(tmp_path):
    sweep = make_sweep()
    np.save(tmp_path / 'a.npy', sweep[:, :3])
    check_message(refusal(tmp_path / 'a.npy'), tmp_path / 'a.npy', "missing_intensity='zero'")
    read = read_sweep(tmp_path / 'a.npy', missing_intensity='zero')
    assert_array_equal(read[:, :3], sweep[:, :3])
    assert not read[:, 3].any()


# --- the LZF decompressor ---


def test_lzf_by_hand():
    def unpack(packed: list[int], n: int) -> bytes:
        return lzf_decompress(np.array(packed, np.uint8), n).tobytes()

    assert unpack([2, *b'abc'], 3) == b'abc'
    assert unpack([2, *b'abc', 4 << 5, 2], 9) == b'abcabcabc'  # 6 bytes from 3 back, overlapping themselves
    assert unpack([0, *b'a', 7 << 5, 11, 0], 21) == b'a' * 21  # length 7 + 11 + 2


@pytest.mark.parametrize('seed', range(5))
def test_lzf_gives_back_what_was_compressed(seed):
    rng = np.random.default_rng(seed)
    data = rng.integers(0, 3, 20000, dtype=np.uint8).tobytes() + bytes(500) + rng.bytes(9000)
    packed = lzf_compress(data)
    assert len(packed) < len(data)
    assert lzf_decompress(np.frombuffer(packed, np.uint8), len(data)).tobytes() == data


def test_lzf_never_runs_over_its_ends():
    packed = lzf_compress(make_sweep(100).tobytes())
    before_start = bytes([1 << 5, 5])
    for damaged, n in ((packed[:-1], 2000), (packed, 1999), (packed, 2001), (before_start, 3)):
        with pytest.raises(ValueError, match='LZF'):
            lzf_decompress(np.frombuffer(damaged, np.uint8), n)


def test_lzf_writes_nothing_behind_its_output():
    memory = np.full(40, 99, np.uint8)
    run = np.array([0, 1, 7 << 5, 11, 0], np.uint8)  # 21 bytes
    assert _decompress(run, memory[:10]) == -1
    assert (memory[10:] == 99).all()


# --- the column count of raw files ---


@pytest.mark.parametrize('shuffled', [False, True])
@pytest.mark.parametrize(('true', 'stated'), [(5, 4), (4, 5), (4, 8), (3, 4), (5, 3), (6, 4), (6, 3)])
def test_wrong_column_count_that_divides_the_size_is_refused_by_name(tmp_path, true, stated, shuffled):
    sweep = make_sweep(9600)
    sweep = np.c_[sweep, sweep[:, 4] / 10][:, :true]
    if shuffled:
        sweep = np.random.default_rng(1).permutation(sweep)
    sweep.tofile(tmp_path / 'a.bin')
    check_message(refusal(tmp_path / 'a.bin', bin_columns=stated), tmp_path / 'a.bin', f'Set bin_columns={true}')


@pytest.mark.parametrize(
    'order', ['as written', 'shuffled', 'by height', 'by azimuth', 'lower and upper beams in turn']
)
@pytest.mark.parametrize('columns', [3, 4, 5])
def test_right_column_count_is_never_refused_whatever_the_order(tmp_path, order, columns):
    sweep = make_sweep(4800)
    key = {
        'as written': np.arange(len(sweep)),
        'shuffled': np.random.default_rng(2).permutation(len(sweep)),
        'by height': sweep[:, 2],
        'by azimuth': np.arctan2(sweep[:, 1], sweep[:, 0]),
        'lower and upper beams in turn': np.arange(len(sweep)) // 32 * 32 + (sweep[:, 4] * 2 + sweep[:, 4] // 16) % 32,
    }[order]
    sweep = sweep[np.argsort(key, kind='stable'), :columns]
    sweep[:, 2] *= 10
    np.ascontiguousarray(sweep).tofile(tmp_path / 'a.bin')
    read_sweep(tmp_path / 'a.bin', bin_columns=columns, missing_intensity='zero')


def test_points_without_any_structure_are_not_refused(tmp_path):
    np.random.default_rng(0).normal(size=(3000, 8)).astype(np.float32).tofile(tmp_path / 'a.bin')
    for columns in (3, 4, 8):
        read_sweep(tmp_path / 'a.bin', bin_columns=columns, missing_intensity='zero')


def real_files() -> list[Path]:
    return sorted(REAL.glob('**/velodyne/*.bin')) + sorted(REAL.glob('**/*.pcd.bin'))


@pytest.mark.skipif(not REAL.is_dir(), reason='../shared/data/real is absent')
def test_real_raw_files_are_read_with_their_own_column_count_only(tmp_path):
    assert real_files()
    for path in real_files():
        true = 5 if path.name.endswith('.pcd.bin') else 4
        sweep = read_sweep(path)
        whole = np.fromfile(path, np.float32).reshape(-1, true)
        assert_array_equal(sweep, whole[:, :4])
        n = len(whole) // 120 * 120
        np.random.default_rng(0).permutation(whole)[:n].tofile(tmp_path / 'shuffled.bin')
        for stated in (3, 4, 5, 6, 8):
            if stated == true:
                read_sweep(tmp_path / 'shuffled.bin', bin_columns=stated)
            else:
                assert f'Set bin_columns={true}' in refusal(tmp_path / 'shuffled.bin', bin_columns=stated)


# --- bad files ---


def test_missing_file_and_unknown_suffix(tmp_path):
    with pytest.raises(FileNotFoundError, match=r'absent\.bin: no such file; wanted a sweep'):
        read_sweep(tmp_path / 'absent.bin')
    (tmp_path / 'a.las').write_bytes(b'1')
    check_message(refusal(tmp_path / 'a.las'), tmp_path / 'a.las', '.feather')


def test_truncated_raw_file(tmp_path):
    path = tmp_path / 'a.bin'
    path.write_bytes(make_sweep(100)[:, :4].tobytes()[:-6])
    check_message(refusal(path), path, '1594 bytes', '99 whole points', 'multiple of 16', 'truncated', 'bin_columns')


@pytest.mark.parametrize('encoding', PCD_ENCODINGS)
def test_truncated_pcd(tmp_path, encoding):
    path = tmp_path / 'a.pcd'
    write_pcd(path, mixed_fields(make_sweep(100)), encoding)
    whole = path.read_bytes()
    for keep in (len(whole) - 40, 60, 0):
        path.write_bytes(whole[:keep])
        check_message(refusal(path), path, 'truncated', 'copy it again')


def whole_file(path: Path) -> bytes:
    """A good file of the suffix of `path`, written there."""
    sweep = make_sweep(400)
    if path.suffix == '.npy':
        np.save(path, sweep)
    elif path.suffix == '.npz':
        np.savez_compressed(path, points=sweep)
    elif path.suffix == '.feather':
        write_feather(path, sweep)
    else:
        vertices = np.array([tuple(row) for row in sweep[:, :4]], [(n, 'f4') for n in ('x', 'y', 'z', 'intensity')])
        PlyData([PlyElement.describe(vertices, 'vertex')]).write(str(path))
    return path.read_bytes()


@pytest.mark.parametrize('suffix', ['.npy', '.npz', '.ply', '.feather'])
def test_truncated_or_corrupt_file(tmp_path, suffix):
    path = tmp_path / f'a{suffix}'
    whole = whole_file(path)
    assert read_sweep(path).shape == (400, 4)
    for content in (whole[: len(whole) // 2], b'', b'something else entirely'):
        path.write_bytes(content)
        check_message(refusal(path), path, 'copy it again')


def test_pickled_objects_are_not_loaded(tmp_path):
    np.save(tmp_path / 'a.npy', np.array([{'x': 1}], dtype=object), allow_pickle=True)
    np.savez(tmp_path / 'b.npz', points=np.array([{'x': 1}], dtype=object))
    for path in (tmp_path / 'a.npy', tmp_path / 'b.npz'):
        check_message(refusal(path), path, 'save plain arrays')


@pytest.mark.parametrize('value', [np.nan, np.inf, -np.inf])
def test_not_finite_coordinates_are_counted_and_the_first_is_shown(tmp_path, value):
    sweep = make_sweep()[:, :4]
    sweep[[17, 30], 1] = value
    sweep.tofile(tmp_path / 'a.bin')
    check_message(refusal(tmp_path / 'a.bin'), tmp_path / 'a.bin', '2 of 2000 points', 'row 17')


@pytest.mark.parametrize('name', ['a.bin', 'a.npy', 'a.pcd'])
def test_empty_files(tmp_path, name):
    path = tmp_path / name
    if name == 'a.npy':
        np.save(path, np.zeros((0, 4)))
    elif name == 'a.pcd':
        write_pcd(path, mixed_fields(make_sweep(0)), 'binary')
    else:
        path.write_bytes(b'')
    check_message(refusal(path), path)


def test_values_that_are_no_metres_are_refused(tmp_path):
    labels = np.random.default_rng(0).integers(0, 32, 4000).astype(np.uint8)  # lidarseg labels have the suffix .bin too
    labels.tofile(tmp_path / 'labels.bin')
    check_message(refusal(tmp_path / 'labels.bin'), tmp_path / 'labels.bin', 'metres', 'not labels')
    np.save(tmp_path / 'millimetres.npy', make_sweep() * 1e5)
    check_message(refusal(tmp_path / 'millimetres.npy'), tmp_path / 'millimetres.npy', 'metres')


def test_arrays_and_tables_of_something_else_say_what_they_hold(tmp_path):
    np.save(tmp_path / 'labels.npy', np.zeros(50))
    check_message(refusal(tmp_path / 'labels.npy'), tmp_path / 'labels.npy', '(50,)', '(N, C >= 3)')
    feather.write_feather(pyarrow.table({'qw': [1.0], 'tx_m': [0.0]}), str(tmp_path / 'poses.feather'))
    check_message(refusal(tmp_path / 'poses.feather'), tmp_path / 'poses.feather', "columns ['qw', 'tx_m']", 'x, y, z')


@pytest.mark.parametrize('columns', [2, 0, {'.xyz': 4}, {'.bin': '4'}])
def test_nonsensical_bin_columns_are_refused(tmp_path, columns):
    make_sweep()[:, :4].tofile(tmp_path / 'a.bin')
    with pytest.raises(ValueError, match='bin_columns maps a suffix'):
        read_sweep(tmp_path / 'a.bin', bin_columns=columns)
