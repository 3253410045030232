"""Plausible wrong geometry is named once; what cannot be read is refused before training, not when it is drawn."""

import gzip
import logging
from pathlib import Path

import numpy as np
import pytest
from numpy.testing import assert_array_equal

from dos_mm3d.datasets import folder
from dos_mm3d.datasets.folder import FolderSweeps
from dos_mm3d.datasets.readers import read_sweep
from tests.helpers import sweep_files as files

SWEEP = files.make_sweep(4000)[:, :4]
SWEEP[:, 2] = np.where(np.arange(4000) % 3 == 0, SWEEP[:, 2] % 4 - 1, -1.7 + SWEEP[:, 2] / 50)  # ground, walls


@pytest.fixture
def log(monkeypatch) -> list[str]:
    lines: list[str] = []
    monkeypatch.setattr(folder, 'print_log', lambda message, logger, level=logging.INFO: lines.append(message))
    return lines


def on_shell(distance_m: float, share: float) -> np.ndarray:
    """A share of the points at one distance."""
    points = SWEEP.copy()
    there = np.random.default_rng(0).random(len(points)) < share
    points[there, :3] *= distance_m / np.linalg.norm(points[there, :3], axis=1, keepdims=True)
    return points


def at_one_place(share: float) -> np.ndarray:
    points = SWEEP.copy()
    points[np.random.default_rng(0).random(len(points)) < share, :3] = 3.0, -2.0, 1.0
    return points


@pytest.mark.parametrize(
    ('points', 'words'),
    [
        (at_one_place(0.01), '0.5% of the points or more at one place (3, -2, 1): points without a return?'),
        (SWEEP * [1, 1, 0, 1], 'z is the same for all points'),
        (np.c_[SWEEP[:, :2], np.full(4000, -1.7), SWEEP[:, 3]], 'z is the same for all points'),
        (on_shell(50, 0.3), 'at the same distance (50 m)'),
        (on_shell(20, 0.04), 'at the same distance (20 m)'),
        (on_shell(119.9, 0.1), 'at the same distance (119.9 m)'),
        (SWEEP * [0.001, 0.001, 0.001, 1], 'in another unit than metres'),
        (SWEEP * [0.05, 0.05, 0.05, 1], 'in another unit than metres'),
        (SWEEP[::40], 'fewer than 256 points'),
    ],
)
def test_geometry_that_no_sensor_gives_is_named_once(tmp_path, log, points, words):
    np.save(tmp_path / 'a.npy', SWEEP)
    FolderSweeps(str(tmp_path))
    assert not any('looked at' in line for line in log), log
    for name in 'ab':
        np.save(tmp_path / f'{name}.npy', points.astype(np.float32))
    FolderSweeps(str(tmp_path))
    (line,) = [line for line in log if words in line]
    assert '2 of 2 sweeps' in line


def write_pcd(path: Path, viewpoint: str) -> None:
    files.write_pcd(path, [(name, SWEEP[:, i]) for i, name in enumerate(('x', 'y', 'z', 'intensity'))], 'binary')
    old, content = b'VIEWPOINT 0 0 0 1 0 0 0\n', path.read_bytes()
    assert old in content
    path.write_bytes(content.replace(old, f'{viewpoint}\n'.encode() if viewpoint else b''))


@pytest.mark.parametrize(
    ('viewpoint', 'said'),
    [
        ('VIEWPOINT 0 0 0 1 0 0 0', False),
        ('VIEWPOINT 0.0 -0 1e-9 -1 0 0 0', False),
        ('VIEWPOINT 0 0 0 0 0 0 0', False),
        ('', False),
        ('VIEWPOINT 0 0 1.8 1 0 0 0', True),
        ('VIEWPOINT 0 0 0 0 1 0 0', True),
        ('VIEWPOINT 12 3 1', True),
        ('VIEWPOINT nan nan nan 1 0 0 0', True),
        ('VIEWPOINT unknown', True),
    ],
)
def test_a_pose_in_the_header_of_a_pcd_is_not_applied_and_said_once(tmp_path, log, viewpoint, said):
    for name in 'ab':
        write_pcd(tmp_path / f'{name}.pcd', viewpoint)
    data = FolderSweeps(str(tmp_path))
    assert_array_equal(data.load(0)[0][:, :3], SWEEP[:, :3])
    assert len([line for line in log if '2 of 2 sweeps looked at: VIEWPOINT says' in line]) == said


@pytest.mark.parametrize(
    ('name', 'part'),
    [
        ('velodyne_fov', SWEEP[:, 0] > np.abs(SWEEP[:, 1])),
        ('reduced_velodyne', SWEEP[:, 1] > 5),
        ('velodyne_16', np.arange(4000) % 4 == 0),
        ('instances', np.abs(SWEEP[:, 0] - 10) < 6),
    ],
)
def test_parts_of_the_sweeps_beside_are_named_by_their_points(tmp_path, log, name, part):
    for place, rows in (('velodyne', slice(None)), (name, part)):
        for i in range(3):
            path = tmp_path / 'training' / place / f'{i:06d}.bin'
            path.parent.mkdir(parents=True, exist_ok=True)
            (SWEEP + np.float32(0.1 * i))[rows].tofile(path)
    FolderSweeps(str(tmp_path))
    (line,) = [line for line in log if 'hold parts of the sweeps beside them' in line]
    exclude = line.partition('exclude=[')[2].partition(']')[0].split(',')
    log.clear()
    assert len(FolderSweeps(str(tmp_path), exclude=exclude)) == 3
    assert not any('hold parts' in line for line in log)


def test_a_second_sensor_beside_is_no_part(tmp_path, log):
    for name, seed in (('left', 0), ('right', 1)):
        (tmp_path / name).mkdir()
        files.make_sweep(3000 + seed, seed)[:, :4].tofile(tmp_path / name / '0.bin')
    FolderSweeps(str(tmp_path))
    assert not any('hold parts' in line for line in log)


@pytest.mark.parametrize('shape', [(48, 160, 4), (48, 160, 3), (900, 4), (900, 16)])
def test_arrays_of_bytes_are_pictures_or_labels_and_left_out(tmp_path, log, shape):
    SWEEP.tofile(tmp_path / 'a.bin')
    array = np.random.default_rng(0).integers(0, 256, shape).astype(np.uint8)
    np.save(tmp_path / 'b.npy', array)
    np.savez(tmp_path / 'c.npz', array)
    assert len(FolderSweeps(str(tmp_path))) == 1
    assert sum('2 files without x, y, z are left out: b.npy, c.npz' in line for line in log) == 1


def test_coordinates_of_one_byte_are_refused(tmp_path):
    fields = [(name, np.arange(50, dtype=np.uint8)) for name in ('x', 'y', 'z', 'intensity')]
    files.write_pcd(tmp_path / 'a.pcd', fields, 'binary')
    files.check_message(files.refusal(tmp_path / 'a.pcd'), tmp_path / 'a.pcd', 'one byte each')


def test_files_of_other_formats_are_counted_in_the_log(tmp_path, log):
    SWEEP.tofile(tmp_path / 'a.bin')
    for i in range(5):
        (tmp_path / f'{i}.las').write_bytes(b'LASF')
    FolderSweeps(str(tmp_path))
    assert sum(line.endswith('5 .las.') for line in log) == 1


def write(path: Path) -> None:
    """A sweep in the format of the suffix."""
    fields = [(name, SWEEP[:, i]) for i, name in enumerate(('x', 'y', 'z', 'intensity'))]
    {
        '.bin': lambda: SWEEP.tofile(path),
        '.npy': lambda: np.save(path, SWEEP),
        '.npz': lambda: np.savez(path, points=SWEEP),
        '.pcd': lambda: files.write_pcd(path, fields, 'binary'),
        '.ply': lambda: files.write_ply(path, fields, 'binary_little_endian'),
        '.feather': lambda: files.write_feather(path, files.make_sweep(4000)),
    }[path.suffix]()


POINTER = b'version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 9\n'.ljust(128)


@pytest.mark.parametrize('damage', ['empty', 'cut', 'pointer'])
@pytest.mark.parametrize('suffix', ['.bin', '.npy', '.npz', '.pcd', '.ply', '.feather'])
def test_a_file_that_cannot_be_read_is_found_before_training(tmp_path, suffix, damage):
    for i in range(9):
        write(tmp_path / f'{i}{suffix}')
    assert len(FolderSweeps(str(tmp_path))) == 9
    path = tmp_path / f'5{suffix}'
    path.write_bytes({'empty': b'', 'cut': path.read_bytes()[:-101], 'pointer': POINTER}[damage])
    with pytest.raises(ValueError, match=rf'5\{suffix}: found '):
        FolderSweeps(str(tmp_path))
    assert len(FolderSweeps(str(tmp_path), on_bad_file='skip')) == 9


@pytest.mark.parametrize('columns', [3, 4, 5])
def test_columns_that_stand_one_after_another_are_named_and_the_advice_works(tmp_path, columns):
    points, path = files.make_sweep(4000)[:, :columns], tmp_path / 'a.bin'
    path.write_bytes(points.T.tobytes())
    message = files.refusal(path, bin_columns=columns, missing_intensity='zero')
    files.check_message(message, path, 'all of x first', 'point by point')
    advised = message[message.index('np.fromfile') :].partition('.tofile')[0]
    eval(advised).tofile(path)
    assert_array_equal(read_sweep(path, bin_columns=columns, missing_intensity='zero')[:, :3], points[:, :3])


def test_a_text_is_named_and_the_advice_works(tmp_path):
    path = tmp_path / 'a.bin'
    path.write_text(''.join(f'{x:.3f} {y:.3f} {z:.3f} {i:g}\n' for x, y, z, i in SWEEP)[:48000].rpartition('\n')[0])
    path.write_bytes(path.read_bytes().ljust(48000))
    message = files.refusal(path)
    files.check_message(message, path, 'a text')
    eval(message[message.index('np.save') :].partition(' makes')[0])
    assert np.allclose(read_sweep(tmp_path / 'a.npy')[:500], SWEEP[:500], atol=1e-3)


def test_an_archive_in_place_of_points_is_named(tmp_path):
    content = gzip.compress(SWEEP.tobytes())
    (tmp_path / 'a.bin').write_bytes(content[: len(content) // 16 * 16])
    files.check_message(files.refusal(tmp_path / 'a.bin'), tmp_path / 'a.bin', 'a gzip archive')


def test_comments_in_a_header_may_be_many_and_of_any_letters(tmp_path):
    path = tmp_path / 'a.pcd'
    files.write_pcd(path, [(name, SWEEP[:, i]) for i, name in enumerate(('x', 'y', 'z', 'intensity'))], 'binary')
    path.write_bytes('# Straße, 道路\n'.encode() * 90 + path.read_bytes())
    assert_array_equal(read_sweep(path), SWEEP)
