"""What lies beside sweeps is left out or named, once, however plausible its numbers are."""

import logging
import shutil
from pathlib import Path

import numpy as np
import pytest

from dos_mm3d.datasets import folder
from dos_mm3d.datasets.folder import FolderSweeps, find_sweeps
from tests.helpers import sweep_files as files


@pytest.fixture
def log(monkeypatch) -> list[str]:
    lines: list[str] = []
    monkeypatch.setattr(folder, 'print_log', lambda message, logger, level=logging.INFO: lines.append(message))
    return lines


def write(path: Path, n: int = 2000, seed: int = 0) -> Path:
    """A sweep as x, y, z, intensity, in the format of the suffix."""
    path.parent.mkdir(parents=True, exist_ok=True)
    sweep = files.make_sweep(n, seed)[:, :4]
    sweep.tofile(path) if path.suffix == '.bin' else np.save(path, sweep)
    return path


@pytest.fixture
def kitti(tmp_path) -> Path:
    """A root as mmdet3d leaves it, with three sweeps."""
    for seed in range(3):
        write(tmp_path / f'training/velodyne/{seed:06d}.bin', seed=seed)
    return tmp_path


def names(root: Path) -> list[str]:
    return [Path(path).relative_to(root).as_posix() for path in FolderSweeps(str(root)).frames]


@pytest.mark.parametrize(
    'place',
    [
        'kitti_gt_database',
        'waymo_gt_database/deep/er',
        'gt_database_train_sampled_1',
        'training/velodyne_reduced',
        'training/velodyne_backup',
        'training/velodyne (copy)',
        'training/velodyne-old.2',
        'training/labels',
        'predictions',
        'training/calib',
        'samples/RADAR_FRONT',
        '__MACOSX/training/velodyne',
        '.Trash/velodyne',
        'lidarseg/v1.0-mini',
    ],
)
def test_folders_that_hold_no_sweeps_are_left_out_and_named(kitti, log, place):
    for seed in range(4):
        write(kitti / place / f'{seed:06d}.bin', 150, seed + 10)
    assert names(kitti) == [f'training/velodyne/{i:06d}.bin' for i in range(3)]
    hidden = place.startswith(('__', '.'))
    assert sum('4 files' in line and place.split('/')[0] in line for line in log) == (not hidden)


def test_what_is_left_out_elsewhere_can_be_the_root_itself(kitti):
    shutil.move(kitti / 'training/velodyne', kitti / 'training/velodyne_reduced')
    assert len(names(kitti)) == 3, 'there is nothing that it reduces'
    for seed in range(2):
        write(kitti / 'kitti_gt_database' / f'{seed}.bin', 600, seed)
    assert len(names(kitti / 'kitti_gt_database')) == 2


def test_files_without_points_are_left_out_by_their_header(kitti, log):
    root = kitti / 'training/velodyne'
    np.save(root / 'pose.npy', np.eye(4))
    np.save(root / 'labels.npy', np.zeros(2000, np.int64))
    np.save(root / 'scores.npy', np.zeros((2000, 20), np.float32))
    np.savez(root / 'classes.npz', labels=np.zeros(3))
    np.savez(root / 'several.npz', labels=np.zeros(3), boxes=np.zeros((9, 7)))
    files.write_pcd(root / 'normals.pcd', [('nx', np.zeros(3, np.float32))], 'binary')
    files.write_ply(root / 'colours.ply', [('red', np.zeros(3, np.uint8))], 'ascii')
    assert len(names(kitti)) == 3
    assert sum('7 files without x, y, z are left out' in line for line in log) == 1


def test_copies_are_named_once_and_so_is_a_folder_of_one_sweep(kitti, log):
    for i in range(3, 8):
        shutil.copy(kitti / 'training/velodyne/000000.bin', kitti / f'training/velodyne/{i:06d}.bin')
    FolderSweeps(str(kitti))
    (line,) = [line for line in log if 'copies of others, byte for byte' in line]
    assert '5 of 8 sweeps' in line and '000003.bin' in line


def test_files_of_equal_size_and_ends_are_no_copies(tmp_path, log):
    for i in range(2):
        sweep = files.make_sweep(4000)[:, :4]
        sweep[600, 3] = i
        sweep.tofile(tmp_path / f'{i}.bin')
    assert len(FolderSweeps(str(tmp_path))) == 2
    assert not any('copies' in line for line in log)


def test_a_file_of_another_size_is_found_before_training(kitti):
    for i in range(3, 20):
        write(kitti / f'training/velodyne/{i:06d}.bin', seed=i)
    path = kitti / 'training/velodyne/000005.bin'
    path.write_bytes(path.read_bytes()[:-4])
    with pytest.raises(ValueError, match=r'000005\.bin: found 31996 bytes'):
        FolderSweeps(str(kitti))
    assert len(FolderSweeps(str(kitti), on_bad_file='skip')) == 20


def test_a_folder_without_any_sweep_says_what_was_left_out(tmp_path):
    write(tmp_path / 'labels/0.bin')
    (tmp_path / 'a.png').write_text('')
    with pytest.raises(ValueError, match=r'found 1 \.png; wanted sweeps.*1 files of labels are left out: labels'):
        find_sweeps(str(tmp_path))


@pytest.mark.parametrize(
    ('save', 'options', 'said'),
    [
        (lambda p, a: np.save(p.with_suffix('.npy'), a.T), {}, r'array of shape \(4, 600\)'),
        (
            lambda p, a: np.savez(p.with_suffix('.npz'), points=a, labels=a[:, 0]),
            {},
            r"arrays \['points', 'labels'\].*npz_key",
        ),
        (lambda p, a: np.savez(p.with_suffix('.npz'), points=a), {'npz_key': 'Points'}, r"npz_key='Points'"),
    ],
)
def test_where_no_file_is_a_sweep_the_reader_says_why(tmp_path, save, options, said):
    save(tmp_path / 'a', files.make_sweep(600)[:, :4])
    with pytest.raises(ValueError, match=rf'1 files without x, y, z are left out: a\.np.\. The first: .*{said}'):
        FolderSweeps(str(tmp_path), **options)


def test_a_folder_that_cannot_be_listed_is_named(kitti, monkeypatch):
    def walk(top, followlinks, onerror):
        onerror(PermissionError(13, 'Permission denied', f'{top}/training'))
        yield top, [], []

    monkeypatch.setattr('os.walk', walk)
    with pytest.raises(ValueError, match=r'training: this folder cannot be listed \(Permission denied\)'):
        find_sweeps(str(kitti))


@pytest.mark.parametrize(
    ('change', 'words'),
    [
        (lambda p: p[:, [0, 2, 1, 3]], 'y is the flattest axis'),
        (lambda p: p[:, [2, 0, 1, 3]], 'x is the flattest axis'),
        (lambda p: p * [1, -1, -1, 1], 'z down'),
        (lambda p: np.r_[p, p[:1500] * [0.01, 0.01, 1, 1]], 'within 1 m'),
        (lambda p: np.r_[p, p], 'at places of others'),
        (
            lambda p: np.c_[np.hypot(p[:, 0], p[:, 1]), np.degrees(np.arctan2(p[:, 1], p[:, 0])), p[:, 2:]],
            'x is never negative and y spans one full turn',
        ),
        (
            lambda p: np.c_[np.arctan2(p[:, 1], p[:, 0]), p[:, 2] / 50, np.linalg.norm(p[:, :3], axis=1), p[:, 3]],
            'z is never negative and x spans one full turn',
        ),
        (lambda p: p[:100] * [0.02, 0.02, 0.5, 1], 'few points close together'),
    ],
)
def test_geometry_that_looks_wrong_is_named_once_and_sound_sweeps_are_not(tmp_path, log, change, words):
    sweep = files.make_sweep(4000)[:, :4]
    sweep[:, 2] = np.where(
        np.arange(len(sweep)) % 3 == 0, sweep[:, 2] % 4 - 1, -1.7 + sweep[:, 2] / 50
    )  # ground, walls
    np.save(tmp_path / 'a.npy', sweep)
    FolderSweeps(str(tmp_path))
    assert not any('looked at' in line for line in log), log
    np.save(tmp_path / 'a.npy', change(sweep).astype(np.float32))
    FolderSweeps(str(tmp_path))
    assert sum(words in line for line in log) == 1, log
