"""Points that are none are left out and counted; what is impossible on the whole is refused with advice that works."""

from pathlib import Path

import numpy as np
import pytest
from numpy.testing import assert_array_equal

from dos_mm3d.datasets.readers import ReadOptions, load_sweep, read_sweep
from tests.helpers import sweep_files as files


def write(path: Path, sweep: np.ndarray) -> Path:
    """Any of the formats, by suffix."""
    if path.suffix == '.bin':
        sweep.astype(np.float32).tofile(path)
    elif path.suffix == '.pcd':
        files.write_pcd(path, [(name, sweep[:, i]) for i, name in enumerate(('x', 'y', 'z', 'intensity'))], 'binary', 2)
    else:
        np.save(path, sweep)
    return path


@pytest.mark.parametrize(
    'hole', [(0, 0, 0), (np.nan,) * 3, (np.inf, 1, 1), (1, np.nan, 2), (1e6, 0, 0), (-1.5, 0.2, 1.9)]
)
@pytest.mark.parametrize('suffix', ['.bin', '.pcd', '.npy'])
def test_points_without_a_return_are_left_out_and_counted(tmp_path, suffix, hole):
    sweep = files.make_sweep()[:, :4]
    rows = np.random.default_rng(0).random(len(sweep)) < (0.005 if hole[0] == 1e6 else 0.4)
    holed = sweep.copy()
    holed[rows, :3] = hole
    read = load_sweep(str(write(tmp_path / f'a{suffix}', holed)), ReadOptions())
    assert_array_equal(read.points, sweep[~rows])
    assert list(read.mended.values()) == [rows.sum()]
    assert read.total == len(sweep)


def test_a_sound_sweep_keeps_every_bit(tmp_path):
    sweep = files.make_sweep()[:, :4]
    read = load_sweep(str(write(tmp_path / 'a.bin', sweep)), ReadOptions())
    assert_array_equal(read.points, sweep)
    assert not read.mended


@pytest.mark.parametrize('numbers', [1, 4])
def test_a_header_before_the_points_of_a_raw_file_is_no_point(tmp_path, numbers):
    sweep = files.make_sweep()[:, :4]
    path = tmp_path / 'a.bin'
    header = np.array([7, len(sweep), 4, 1] * numbers, np.uint32).tobytes()
    path.write_bytes(header + sweep.astype(np.float32).tobytes())
    read = load_sweep(str(path), ReadOptions())
    assert_array_equal(read.points, sweep)
    assert read.total == len(sweep) + numbers
    ((what, n),) = read.mended.items()
    assert 'a header of the file?' in what and n == numbers


def test_what_sines_and_cosines_leave_of_a_zero_is_a_coordinate(tmp_path):
    sweep = files.make_sweep()[:, :4]
    sweep[0, :3] = -12, -12 * np.sin(np.pi), 0
    assert 0 < abs(sweep[0, 1]) < 1e-14
    read = load_sweep(str(write(tmp_path / 'a.bin', sweep)), ReadOptions())
    assert_array_equal(read.points, sweep)


def test_a_file_of_holes_alone_is_refused(tmp_path):
    for value in (0, np.nan):
        path = write(tmp_path / 'a.npy', np.full((500, 4), value, np.float32))
        files.check_message(files.refusal(path), path, 'none of them with a return')


def test_more_than_single_points_far_away_are_another_unit(tmp_path):
    sweep = files.make_sweep()[:, :4]
    sweep[:100, 0] = 1e6
    path = write(tmp_path / 'a.npy', sweep)
    files.check_message(files.refusal(path), path, 'coordinates of at most 1e+06')


@pytest.mark.parametrize('value', [-1, -0.003, np.nan, np.inf, -np.inf])
@pytest.mark.parametrize('share', [0.001, 0.4])
def test_one_value_that_stands_for_no_intensity_becomes_0_and_is_counted(tmp_path, value, share):
    sweep = files.make_sweep()[:, :4]
    rows = np.random.default_rng(0).random(len(sweep)) < share
    sweep[rows, 3] = value
    read = load_sweep(str(write(tmp_path / 'a.bin', sweep)), ReadOptions())
    sweep[rows, 3] = 0
    assert_array_equal(read.points, sweep)
    assert list(read.mended.values()) == [rows.sum()]


@pytest.mark.parametrize('kind', ['signed', 'all NaN', 'all -1'])
def test_impossible_intensities_are_refused_and_the_advice_works(tmp_path, kind):
    sweep = files.make_sweep()[:, :4]
    sweep[:, 3] = {'signed': sweep[:, 3] - 128, 'all NaN': np.nan, 'all -1': -1}[kind]
    path = write(tmp_path / 'a.bin', sweep)
    files.check_message(files.refusal(path), path, "missing_intensity='zero'")
    read = read_sweep(path, missing_intensity='zero')
    assert_array_equal(read[:, :3], sweep[:, :3])
    assert_array_equal(read[:, 3], np.nan_to_num(sweep[:, 3]).clip(0))


@pytest.mark.parametrize('suffix', ['.pcd', '.ply'])
def test_columns_that_stand_twice_are_told_apart_or_refused(tmp_path, suffix):
    sweep = files.make_sweep(300)
    colour = sweep[:, 4].copy()
    fields = [('x', sweep[:, 0]), ('rgb', colour), ('y', sweep[:, 1]), ('rgb', -colour), ('z', sweep[:, 2])]
    writer = files.write_pcd if suffix == '.pcd' else files.write_ply
    for encoding in files.PCD_ENCODINGS if suffix == '.pcd' else ('ascii', 'binary_little_endian'):
        writer(tmp_path / f'a{suffix}', [*fields, ('intensity', sweep[:, 3])], encoding)
        assert_array_equal(read_sweep(tmp_path / f'a{suffix}'), sweep[:, :4])
        for twice in ('x', 'X', 'intensity'):
            writer(tmp_path / f'b{suffix}', [*fields, ('intensity', sweep[:, 3]), (twice, colour)], encoding)
            files.check_message(files.refusal(tmp_path / f'b{suffix}'), tmp_path / f'b{suffix}', 'Rename the others')


@pytest.mark.parametrize('shape', [(4, 4), (3, 4), (4, 2000), (2000, 20), (6, 64, 1024)])
def test_matrices_transposed_tables_and_scores_are_no_points(tmp_path, shape):
    np.save(tmp_path / 'a.npy', np.random.default_rng(0).normal(size=shape) * 9)
    files.check_message(files.refusal(tmp_path / 'a.npy'), tmp_path / 'a.npy', 'exclude=[pattern]')


def test_a_pointer_of_git_lfs_is_named(tmp_path):
    for name in ('a.bin', 'a.npy', 'a.pcd', 'a.ply', 'a.npz', 'a.feather'):
        (tmp_path / name).write_text('version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 9\n')
        files.check_message(files.refusal(tmp_path / name), tmp_path / name, 'git lfs pull')
