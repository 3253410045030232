"""Raw files of other numbers than float32 are named with their type, and the advice makes a file that is read."""

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from dos_mm3d.datasets.readers import ReadOptions, read_sweep
from dos_mm3d.datasets.readers.raw import likely_columns
from tests.helpers import sweep_files as files


@pytest.mark.parametrize('columns', [3, 4, 5])
@pytest.mark.parametrize('n', [40, 2000])
@pytest.mark.parametrize(
    ('kind', 'name'),
    [('<f8', 'float64'), ('>f4', 'big-endian float32'), ('<f2', 'float16'), ('<i2', 'int16'), ('<i4', 'int32')],
)
def test_another_type_is_named_and_the_advice_works(tmp_path, kind, name, n, columns):
    sweep = files.make_sweep(n)[:, :columns]
    metres = sweep.astype(np.float64)
    metres[:, :3] += 1e-9 * (kind == '<f8')  # numbers that float32 does not have
    stored = np.c_[sweep[:, :3] * 1000 / 2, sweep[:, 3:]] if kind[1] == 'i' else metres
    if kind == '<i2':
        stored[:, :3] /= 2
    path = tmp_path / 'a.bin'
    stored.astype(kind).tofile(path)
    message = files.refusal(path)
    files.check_message(message, path, f'found {name} numbers', f'{columns} columns', 'not labels')
    assert 'bin_columns' not in message
    advised = message[message.index('np.fromfile') :].removesuffix('.').split(', if ')[0]
    np.save(tmp_path / 'a.npy', eval(advised))
    read = read_sweep(tmp_path / 'a.npy', missing_intensity='zero')
    share = {'<i2': 0.25, '<i4': 0.5}.get(kind, 1)
    assert_allclose(read[:, :3], sweep[:, :3] * share, rtol=2e-3, atol=2e-3)


def test_labels_are_no_sweep(tmp_path):
    rng = np.random.default_rng(0)
    for kind, highest in (('<u1', 32), ('<u2', 16000), ('<u4', 260), ('<i8', 20)):
        path = tmp_path / 'a.bin'
        rng.integers(0, highest, 4000).astype(kind).tofile(path)
        files.check_message(files.refusal(path), path, 'not labels')
        assert 'np.save' not in files.refusal(path) and 'columns as it seems' not in files.refusal(path)


@pytest.mark.parametrize('n', [1, 2, 7])
def test_a_few_points_are_read_whatever_their_bytes_look_like(tmp_path, n):
    sweep = files.make_sweep(n)[:, :4]
    sweep[:, 1] = 3e-16 * np.arange(1, n + 1)
    sweep.tofile(tmp_path / 'a.bin')
    assert_array_equal(read_sweep(tmp_path / 'a.bin'), sweep)


def test_points_in_a_map_are_not_taken_for_another_type(tmp_path):
    (files.make_sweep(2000)[:, :4] + np.float32([443210, 5412345, 320, 0])).tofile(tmp_path / 'a.bin')
    said = files.refusal(tmp_path / 'a.bin')
    assert 'coordinates of at most 5.41e+06' in said and 'take the place of the sensor off' in said


@pytest.mark.parametrize('kinds', [('<u2', '<u2'), ('u1',), ('<u2',), ('<u4',)])
def test_points_of_several_types_are_named_and_the_advice_works(tmp_path, kinds):
    sweep = files.make_sweep(3000)
    path, names = tmp_path / 'a.bin', ['intensity', 'ring'][: len(kinds)]
    table = np.zeros(len(sweep), [*((name, '<f4') for name in 'xyz'), *zip(names, kinds)])
    for name, column in zip('xyz', sweep.T):
        table[name] = column
    for name, column in zip(names, sweep[:, 3:].T):
        table[name] = column
    table.tofile(path)
    message = files.refusal(path)
    files.check_message(message, path, 'If its points are of several types')
    advised = message[message.index('np.fromfile') :].removesuffix('.').replace("('intensity', 'u1')", 'KINDS')
    np.save(tmp_path / 'a.npy', eval(advised.replace('KINDS', '*zip(names, kinds)'), globals(), locals()))
    assert_array_equal(read_sweep(tmp_path / 'a.npy')[:, :3], sweep[:, :3])


@pytest.mark.parametrize('n', [60, 120, 240])
@pytest.mark.parametrize(('true', 'stated'), [(5, 4), (4, 5), (3, 4), (4, 3), (6, 4)])
def test_small_files_get_the_column_check_too(tmp_path, n, true, stated):
    sweep = files.make_sweep(n)
    np.c_[sweep, sweep[:, 4] / 10][:, :true].tofile(tmp_path / 'a.bin')
    files.check_message(
        files.refusal(tmp_path / 'a.bin', bin_columns=stated), tmp_path / 'a.bin', f'Set bin_columns={true}'
    )
    read_sweep(tmp_path / 'a.bin', bin_columns=true, missing_intensity='zero')


def test_small_files_of_the_stated_columns_are_hardly_ever_refused():
    refused = sum(
        likely_columns(files.make_sweep(n, seed)[:, :columns].reshape(-1), columns) != columns
        for seed in range(40)
        for n in (20, 60, 150)
        for columns in (3, 4, 5)
    )
    assert refused <= 2


def test_holes_do_not_hide_a_wrong_column_count(tmp_path):
    sweep = files.make_sweep(2000)
    sweep[::3] = np.nan
    sweep.tofile(tmp_path / 'a.bin')
    assert 'Set bin_columns=5' in files.refusal(tmp_path / 'a.bin', bin_columns=4)
    assert len(read_sweep(tmp_path / 'a.bin', bin_columns=5)) == np.isfinite(sweep[:, 0]).sum()


def test_a_file_that_ends_early_while_it_is_read_is_refused(tmp_path, monkeypatch):
    from dos_mm3d.datasets.readers import raw

    path = tmp_path / 'a.bin'
    files.make_sweep(100)[:, :4].tofile(path)
    size = path.stat().st_size
    monkeypatch.setattr(raw.os, 'fstat', lambda descriptor: type('', (), {'st_size': size + 16})())
    assert len(read_sweep(path)) == 100
    path.write_bytes(path.read_bytes()[:-6])
    files.check_message(files.refusal(path), path, '1594 bytes')
    assert ReadOptions().bin_columns['.bin'] == 4
