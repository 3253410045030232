"""Every format gives the sweep back, as (N, 4) float32 x, y, z, intensity."""

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from plyfile import PlyData, PlyElement

from dos_mm3d.datasets.readers import read_sweep
from tests.helpers import sweep_files as files


@pytest.mark.parametrize(('name', 'columns'), [('a.bin', 4), ('a.pcd.bin', 5)])
def test_raw_files_have_the_columns_of_their_suffix(tmp_path, name, columns):
    sweep = files.make_sweep()
    sweep[:, :columns].tofile(tmp_path / name)
    assert_array_equal(read_sweep(tmp_path / name), sweep[:, :4])


def test_one_number_of_bin_columns_is_for_all_raw_files_and_a_mapping_for_some(tmp_path):
    sweep = files.make_sweep()
    for name in ('a.bin', 'a.pcd.bin'):
        np.c_[sweep, sweep[:, 4]].tofile(tmp_path / name)
        assert_array_equal(read_sweep(tmp_path / name, bin_columns=6), sweep[:, :4])
    assert_array_equal(read_sweep(tmp_path / 'a.bin', bin_columns={'.bin': 6}), sweep[:, :4])


@pytest.mark.parametrize('encoding', files.PCD_ENCODINGS)
def test_pcd_fields_may_come_in_any_order_type_and_count(tmp_path, encoding):
    sweep = files.make_sweep(700)
    files.write_pcd(tmp_path / 'a.pcd', files.mixed_fields(sweep), encoding)
    assert_array_equal(read_sweep(tmp_path / 'a.pcd'), sweep[:, :4])


def test_empty_cells_of_an_organised_pcd_are_left_out(tmp_path):
    sweep = files.make_sweep(64)
    holed = sweep.copy()
    holed[[3, 40], :3] = np.nan
    files.write_pcd(tmp_path / 'a.pcd', files.mixed_fields(holed), 'binary', height=2)
    assert_array_equal(read_sweep(tmp_path / 'a.pcd'), np.delete(sweep, [3, 40], 0)[:, :4])


def test_npy_tables_and_structured_arrays(tmp_path):
    sweep = files.make_sweep()
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
    image[full] = np.c_[files.make_sweep(int(full.sum())), np.ones(int(full.sum()))]
    np.savez_compressed(tmp_path / 'a.npz', range_image=image, labels=np.zeros(3))
    assert_array_equal(read_sweep(tmp_path / 'a.npz'), image[full][:, :4])


def test_npz_key_is_stated_or_the_only_array(tmp_path):
    sweep = files.make_sweep()
    np.savez(tmp_path / 'one.npz', cloud=sweep)
    np.savez(tmp_path / 'two.npz', cloud=sweep, labels=np.zeros(3))
    assert_array_equal(read_sweep(tmp_path / 'one.npz'), sweep[:, :4])
    assert_array_equal(read_sweep(tmp_path / 'two.npz', npz_key='cloud'), sweep[:, :4])
    files.check_message(files.refusal(tmp_path / 'two.npz'), tmp_path / 'two.npz', "['cloud', 'labels']", 'npz_key')
    files.check_message(files.refusal(tmp_path / 'one.npz', npz_key='points'), tmp_path / 'one.npz', "npz_key='points'")


@pytest.mark.parametrize('text', [True, False])
def test_ply_ascii_and_binary(tmp_path, text):
    sweep = files.make_sweep(300)
    vertices = np.zeros(len(sweep), [('intensity', 'u1'), ('x', 'f8'), ('y', 'f4'), ('z', 'f4'), ('red', 'u1')])
    for i, name in enumerate(('x', 'y', 'z', 'intensity')):
        vertices[name] = sweep[:, i]
    PlyData([PlyElement.describe(vertices, 'vertex')], text=text).write(str(tmp_path / 'a.ply'))
    assert_allclose(read_sweep(tmp_path / 'a.ply'), sweep[:, :4], rtol=1e-6)


def test_feather_with_half_precision_and_bytes_becomes_float32(tmp_path):
    sweep = files.make_sweep()
    files.write_feather(tmp_path / 'a.feather', sweep)
    read = read_sweep(tmp_path / 'a.feather')
    assert read.dtype == np.float32
    assert_array_equal(read[:, :3], sweep[:, :3].astype(np.float16).astype(np.float32))
    assert_array_equal(read[:, 3], sweep[:, 3])


def test_missing_intensity_is_an_error_unless_allowed(tmp_path):
    sweep = files.make_sweep()
    np.save(tmp_path / 'a.npy', sweep[:, :3])
    files.check_message(files.refusal(tmp_path / 'a.npy'), tmp_path / 'a.npy', "missing_intensity='zero'")
    read = read_sweep(tmp_path / 'a.npy', missing_intensity='zero')
    assert_array_equal(read[:, :3], sweep[:, :3])
    assert not read[:, 3].any()
