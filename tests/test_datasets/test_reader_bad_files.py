"""Every bad file is refused with its name, what was found, wanted and what to do."""

from pathlib import Path

import numpy as np
import pyarrow
import pytest
from plyfile import PlyData, PlyElement
from pyarrow import feather

from dos_mm3d.datasets.readers import read_sweep
from tests.helpers import sweep_files as files


def test_missing_file_and_unknown_suffix(tmp_path):
    with pytest.raises(FileNotFoundError, match=r'absent\.bin: no such file; wanted a sweep'):
        read_sweep(tmp_path / 'absent.bin')
    (tmp_path / 'a.las').write_bytes(b'1')
    files.check_message(files.refusal(tmp_path / 'a.las'), tmp_path / 'a.las', '.feather')


def test_truncated_raw_file(tmp_path):
    path = tmp_path / 'a.bin'
    path.write_bytes(files.make_sweep(100)[:, :4].tobytes()[:-6])
    files.check_message(
        files.refusal(path), path, '1594 bytes', '99 whole points', 'multiple of 16', 'truncated', 'bin_columns'
    )


@pytest.mark.parametrize('encoding', files.PCD_ENCODINGS)
def test_truncated_pcd(tmp_path, encoding):
    path = tmp_path / 'a.pcd'
    files.write_pcd(path, files.mixed_fields(files.make_sweep(100)), encoding)
    whole = path.read_bytes()
    for keep in (len(whole) - 40, 60, 0):
        path.write_bytes(whole[:keep])
        files.check_message(files.refusal(path), path, 'truncated', 'copy it again')


def whole_file(path: Path) -> bytes:
    """A good file of the suffix of `path`, written there."""
    sweep = files.make_sweep(400)
    if path.suffix == '.npy':
        np.save(path, sweep)
    elif path.suffix == '.npz':
        np.savez_compressed(path, points=sweep)
    elif path.suffix == '.feather':
        files.write_feather(path, sweep)
    else:
        vertices = np.array([tuple(row) for row in sweep[:, :4]], [(n, 'f4') for n in ('x', 'y', 'z', 'intensity')])
        PlyData([PlyElement.describe(vertices, 'vertex')]).write(str(path))
    return path.read_bytes()


def test_a_pcd_that_holds_more_points_than_its_header_counts(tmp_path):
    sweep = files.make_sweep(2000)
    path = tmp_path / 'a.pcd'
    files.write_pcd(path, [(name, sweep[:, i]) for i, name in enumerate(('x', 'y', 'z', 'intensity'))], 'binary')
    whole = path.read_bytes()
    path.write_bytes(whole + bytes(4000))  # some writers fill a page
    assert len(read_sweep(path)) == 2000
    path.write_bytes(whole.replace(b'2000', b'0300'))
    files.check_message(files.refusal(path), path, '32000 bytes of data, the header announces 4800')


@pytest.mark.parametrize('suffix', ['.npy', '.npz', '.ply', '.feather'])
def test_truncated_or_corrupt_file(tmp_path, suffix):
    path = tmp_path / f'a{suffix}'
    whole = whole_file(path)
    assert read_sweep(path).shape == (400, 4)
    for content in (whole[: len(whole) // 2], b'', b'something else entirely'):
        path.write_bytes(content)
        files.check_message(files.refusal(path), path, 'copy it again')


def test_pickled_objects_are_not_loaded(tmp_path):
    np.save(tmp_path / 'a.npy', np.array([{'x': 1}], dtype=object), allow_pickle=True)
    np.savez(tmp_path / 'b.npz', points=np.array([{'x': 1}], dtype=object))
    for path in (tmp_path / 'a.npy', tmp_path / 'b.npz'):
        files.check_message(files.refusal(path), path, 'save plain arrays')


@pytest.mark.parametrize('name', ['a.bin', 'a.npy', 'a.pcd'])
def test_empty_files(tmp_path, name):
    path = tmp_path / name
    if name == 'a.npy':
        np.save(path, np.zeros((0, 4)))
    elif name == 'a.pcd':
        files.write_pcd(path, files.mixed_fields(files.make_sweep(0)), 'binary')
    else:
        path.write_bytes(b'')
    files.check_message(files.refusal(path), path)


def test_values_that_are_no_metres_are_refused(tmp_path):
    labels = np.random.default_rng(0).integers(0, 32, 4000).astype(np.uint8)  # lidarseg labels have the suffix .bin too
    labels.tofile(tmp_path / 'labels.bin')
    files.check_message(files.refusal(tmp_path / 'labels.bin'), tmp_path / 'labels.bin', 'metres', 'not labels')
    np.save(tmp_path / 'micrometres.npy', files.make_sweep() * 1e6)
    files.check_message(files.refusal(tmp_path / 'micrometres.npy'), tmp_path / 'micrometres.npy', 'metres')


def test_arrays_and_tables_of_something_else_say_what_they_hold(tmp_path):
    np.save(tmp_path / 'labels.npy', np.zeros(50))
    files.check_message(files.refusal(tmp_path / 'labels.npy'), tmp_path / 'labels.npy', '(50,)', '(N, C)')
    feather.write_feather(pyarrow.table({'qw': [1.0], 'tx_m': [0.0]}), str(tmp_path / 'poses.feather'))
    files.check_message(
        files.refusal(tmp_path / 'poses.feather'), tmp_path / 'poses.feather', "columns ['qw', 'tx_m']", 'x, y, z'
    )


@pytest.mark.parametrize('damage', [0x7F, 0xFF])
def test_texts_of_a_corrupt_table_are_never_followed(tmp_path, damage):
    path = tmp_path / 'a.feather'
    xyz = {name: np.arange(1, 161, dtype=np.float32) for name in 'xyz'}
    feather.write_feather(pyarrow.table({**xyz, 'i': ['a'] * 160}), str(path), compression='uncompressed')
    offsets = np.arange(161, dtype='<i4').tobytes()
    content = path.read_bytes()
    path.write_bytes(content.replace(offsets, offsets[:400] + bytes([damage] * 3) + offsets[403:]))
    assert path.read_bytes() != content
    files.check_message(files.refusal(path), path, 'i as string')


@pytest.mark.parametrize('columns', [2, 0, {'.xyz': 4}, {'.bin': '4'}])
def test_nonsensical_bin_columns_are_refused(tmp_path, columns):
    files.make_sweep()[:, :4].tofile(tmp_path / 'a.bin')
    with pytest.raises(ValueError, match='bin_columns maps a suffix'):
        read_sweep(tmp_path / 'a.bin', bin_columns=columns)


@pytest.mark.parametrize('suffix', ['.npz', '.feather', '.pcd', '.npy', '.ply'])
def test_a_file_that_unpacks_to_far_more_is_refused_before_memory_is_taken(tmp_path, suffix):
    path = tmp_path / f'a{suffix}'
    zeros = {name: np.zeros(4_000_000, np.float32) for name in ('x', 'y', 'z', 'intensity')}
    if suffix == '.npz':
        np.savez_compressed(path, a=np.stack(list(zeros.values()), 1))
    elif suffix == '.feather':
        feather.write_feather(pyarrow.table(zeros), str(path), compression='zstd')
    else:
        np.save(tmp_path / 'a.npy', files.make_sweep(60)[:, :4])
        fields = [(name, files.make_sweep(60)[:, i]) for i, name in enumerate(zeros)]
        if suffix == '.pcd':
            files.write_pcd(path, fields, 'binary_compressed')
        elif suffix == '.ply':
            files.write_ply(path, fields, 'binary_little_endian')
        path.write_bytes(path.read_bytes().replace(b'60', b'4000000000').replace(b'(4000000000', b'(60000000'))
    files.check_message(files.refusal(path), path, 'announce')
