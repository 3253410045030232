"""The column count of raw files is stated, and a wrong one is found in the values."""

from pathlib import Path

import numpy as np
import pytest
from numpy.testing import assert_array_equal

from dos_mm3d.datasets.readers import read_sweep
from tests.helpers.sweep_files import REAL, check_message, make_sweep, refusal


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
        assert_array_equal(sweep, whole[whole[:, :3].any(1), :4])
        n = len(whole) // 120 * 120
        np.random.default_rng(0).permutation(whole)[:n].tofile(tmp_path / 'shuffled.bin')
        for stated in (3, 4, 5, 6, 8):
            if stated == true:
                read_sweep(tmp_path / 'shuffled.bin', bin_columns=stated)
            else:
                assert f'Set bin_columns={true}' in refusal(tmp_path / 'shuffled.bin', bin_columns=stated)
