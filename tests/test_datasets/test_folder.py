"""Pretraining on any folder: what is found, how intensity is scaled, and what is said when the folder is wrong."""

import logging
import os
from pathlib import Path

import numpy as np
import pyarrow
import pytest
from mmdet3d.registry import DATASETS
from numpy.testing import assert_allclose
from pyarrow import feather

from dos_mm3d.datasets import folder
from dos_mm3d.datasets.folder import FolderSweeps, find_sweeps
from dos_mm3d.datasets.stream import Draw

REAL = Path(__file__).parents[3] / 'shared' / 'data' / 'real'
REAL_FOLDERS = {  # its sweeps, and the intensity that becomes 1
    'nuscenes_demo': ('*.pcd.bin', 255),
    'nuscenes_range': ('train/*.npz', 255),
    'semantickitti_seq00': ('velodyne/*.bin', 1),
    'semantickitti_range': ('seq*/*.npz', 1),
    'argoverse2': ('*/sensors/lidar/*.feather', 255),
    'kitti_object': ('training/velodyne/*.bin', 1),
    'kitti_demo': ('*.bin', 1),
}


def write_bin(path: Path, intensity_max: float, n: int = 600, columns: int = 4, seed: int = 0) -> np.ndarray:
    """A plausible raw sweep whose largest intensity is exactly `intensity_max`."""
    rng = np.random.default_rng(seed)
    sweep = np.zeros((n, columns), np.float32)
    sweep[:, :2] = rng.uniform(-40, 40, (n, 2))
    sweep[:, 2] = rng.normal(-1.7, 0.3, n)
    sweep[:, 3] = np.linspace(0, intensity_max, n)
    path.parent.mkdir(parents=True, exist_ok=True)
    sweep.tofile(path)
    return sweep


@pytest.fixture
def log(monkeypatch) -> list[str]:
    lines: list[str] = []
    monkeypatch.setattr(folder, 'print_log', lambda message, logger, level=logging.INFO: lines.append(message))
    return lines


# --- finding files ---


def test_files_are_found_recursively_through_links_in_sorted_order(tmp_path):
    for name in (
        'b/2.bin',
        'b/10.bin',
        'a/c/1.pcd.bin',
        'other/labels.label',
        'notes.txt',
        'b/.hidden.bin',
        '.c/1.bin',
    ):
        write_bin(tmp_path / 'data' / name, 1)
    write_bin(tmp_path / 'elsewhere' / '3.bin', 1)
    os.symlink(tmp_path / 'elsewhere', tmp_path / 'data' / 'z')
    os.symlink(tmp_path / 'data', tmp_path / 'data' / 'loop')
    found = [os.path.relpath(path, tmp_path / 'data') for path in find_sweeps(str(tmp_path / 'data'))]
    assert found == ['a/c/1.pcd.bin', 'b/10.bin', 'b/2.bin', 'z/3.bin']


def test_tables_without_coordinates_and_excluded_files_are_left_out_and_named(tmp_path, log):
    xyz = {name: np.ones(3, np.float16) for name in 'xyz'}
    feather.write_feather(pyarrow.table({**xyz, 'intensity': np.ones(3)}), str(tmp_path / '1.feather'))
    feather.write_feather(pyarrow.table({'tx_m': [1.0], 'qw': [1.0]}), str(tmp_path / 'annotations.feather'))
    write_bin(tmp_path / 'token_lidarseg.bin', 1)
    dataset = FolderSweeps(str(tmp_path))
    assert [Path(path).name for path in dataset.frames] == ['1.feather']
    assert any('1 files without x, y, z are left out: annotations.feather' in line for line in log)


def test_a_corrupt_table_is_not_silently_left_out(tmp_path):
    (tmp_path / '1.feather').write_bytes(b'rubbish')
    with pytest.raises(ValueError, match=r'1\.feather: found .*; wanted .*copy it again'):
        FolderSweeps(str(tmp_path))


@pytest.mark.parametrize('data_root', ['absent', ''])
def test_missing_folder(tmp_path, data_root, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(FileNotFoundError, match=r'does not exist; wanted a folder of sweeps.*--cfg-options data_root='):
        FolderSweeps(data_root)


def test_a_file_is_no_folder(tmp_path):
    write_bin(tmp_path / 'a.bin', 1)
    with pytest.raises(ValueError, match=r'a\.bin.* is a file; wanted a folder'):
        FolderSweeps(str(tmp_path / 'a.bin'))


def test_empty_and_wrong_folders_say_what_is_there(tmp_path):
    with pytest.raises(ValueError, match=r'found no files; wanted sweeps .*\.feather.*Set data_root'):
        FolderSweeps(str(tmp_path))
    for name in ('a.png', 'b.png', 'c.json'):
        (tmp_path / name).write_text('')
    with pytest.raises(ValueError, match=r'found 2 \.png, 1 \.json; wanted sweeps'):
        FolderSweeps(str(tmp_path))


# --- intensity ---


@pytest.mark.parametrize(('highest', 'scale'), [(0.99, 1), (1, 1), (97, 255), (255, 255), (300, 65535), (65535, 65535)])
def test_intensity_is_scaled_by_the_range_of_the_sensor(tmp_path, highest, scale):
    sweep = write_bin(tmp_path / 'a.bin', highest)
    points, file = FolderSweeps(str(tmp_path)).load(0)
    assert file == str(tmp_path / 'a.bin')
    assert_allclose(points.numpy(), np.c_[sweep[:, :3], sweep[:, 3] / scale], rtol=1e-6)


def test_sensors_in_one_folder_are_scaled_apart(tmp_path, log):
    write_bin(tmp_path / 'kitti' / 'a.bin', 0.99)
    write_bin(tmp_path / 'nuscenes' / 'b.pcd.bin', 255, columns=5)
    write_bin(tmp_path / 'nuscenes' / 'c.pcd.bin', 200, columns=5)
    dataset = FolderSweeps(str(tmp_path))
    highest = [float(dataset.load(i)[0][:, 3].max()) for i in range(3)]
    assert_allclose(highest, [0.99, 1, 200 / 255], rtol=1e-6)
    assert any('intensity 1 is 1 in 1 files, 255 in 2 files' in line for line in log)


def test_a_stated_maximum_clips_and_an_automatic_one_refuses(tmp_path):
    for i in range(7):
        write_bin(tmp_path / f'{i}.bin', 1 if i != 2 else 180)  # not among the files that 'auto' looks at: 0, 3, 6
    for stated in (90, '90'):
        assert FolderSweeps(str(tmp_path), intensity_max=stated).load(2)[0][:, 3].max() == 1
    with pytest.raises(
        ValueError, match=r'2\.bin: found intensities up to 178\..*; wanted 0 to 1,.*exclude=\[2\.bin\]'
    ):
        FolderSweeps(str(tmp_path)).load(2)
    assert len(FolderSweeps(str(tmp_path), exclude=['2.bin'])) == 6


def test_intensities_beyond_16_bit_need_a_stated_maximum(tmp_path):
    write_bin(tmp_path / 'a.bin', 1e6)
    with pytest.raises(
        ValueError, match=r'found intensities up to 1e\+06, .*; wanted at most 65535.*intensity_max=9\.9e\+05'
    ):
        FolderSweeps(str(tmp_path))
    with pytest.raises(ValueError, match="'auto' or a positive number, got 0"):
        FolderSweeps(str(tmp_path), intensity_max=0)


# --- as a stream ---


def test_built_from_a_config_and_run_through_a_pipeline(tmp_path):
    write_bin(tmp_path / 'a.bin', 1, columns=6)
    config = {'type': 'FolderSweeps', 'data_root': str(tmp_path), 'bin_columns': 6, 'pipeline': [Halve()]}
    item = DATASETS.build(config)[Draw(0, 0)]
    assert item['file'] == str(tmp_path / 'a.bin')
    assert item['skipped'] == []
    assert len(item['points']) == 300


class Halve:
    def __call__(self, results: dict) -> dict:
        results['points'] = results['points'][::2]
        return results


def test_bad_files_stop_or_are_skipped_and_named(tmp_path):
    for i in range(5):
        write_bin(tmp_path / f'{i}.bin', 1)
    (tmp_path / '3.bin').write_bytes((tmp_path / '3.bin').read_bytes()[:-5])
    with pytest.raises(ValueError, match=r'3\.bin: found 9595 bytes'):
        [FolderSweeps(str(tmp_path))[Draw(0, t)] for t in range(5)]
    dataset = FolderSweeps(str(tmp_path), on_bad_file='skip')
    items = [dataset[Draw(0, t)] for t in range(5)]
    skipped = [message for item in items for message in item['skipped']]
    assert skipped and all('3.bin: found 9595 bytes' in message for message in skipped)
    assert not any(item['file'].endswith('3.bin') for item in items)


def test_a_file_that_vanishes_during_training_is_a_bad_file(tmp_path):
    for i in range(3):
        write_bin(tmp_path / f'{i}.bin', 1)
    dataset = FolderSweeps(str(tmp_path), on_bad_file='skip')
    (tmp_path / '1.bin').unlink()
    assert sum(len(dataset[Draw(0, t)]['skipped']) for t in range(3)) >= 1
    with pytest.raises(FileNotFoundError, match=r'1\.bin: no such file'):
        [FolderSweeps.__getitem__(_strict(dataset), Draw(0, t)) for t in range(3)]


def _strict(dataset: FolderSweeps) -> FolderSweeps:
    dataset.on_bad_file = 'error'
    return dataset


# --- the real folders ---


@pytest.mark.parametrize('name', sorted(REAL_FOLDERS))
def test_every_real_folder_is_read_with_the_same_arguments(name):
    pattern, scale = REAL_FOLDERS[name]
    sweeps = sorted(str(path) for path in (REAL / name).glob(pattern))
    if not sweeps:
        pytest.skip(f'../shared/data/real/{name} is absent')
    dataset = FolderSweeps(str(REAL / name))
    assert dataset.frames == sweeps
    assert set(dataset.scales.values()) == {scale}
    for i in range(len(sweeps)):
        points, file = dataset.load(i)
        assert points.shape[1] == 4 and len(points), file
        assert points[:, 3].min() >= 0 and points[:, 3].max() <= 1, file
