"""Scales that extremes, one odd file or a constant would decide, and fourth columns that are none, are named once."""

import logging
import math
from pathlib import Path

import numpy as np
import pytest

from dos_mm3d.datasets import folder, joint
from dos_mm3d.datasets.folder import FolderSweeps
from dos_mm3d.datasets.joint import JointSweeps
from tests.helpers.sweep_files import make_sweep

N = 20000


@pytest.fixture
def log(monkeypatch) -> list[str]:
    lines: list[str] = []
    for module in (folder, joint):
        monkeypatch.setattr(module, 'print_log', lambda message, logger, level=logging.INFO: lines.append(message))
    return lines


def write(path: Path, fourth: np.ndarray, seed: int = 0) -> Path:
    """A sweep with this fourth column."""
    sweep = make_sweep(len(fourth), seed)[:, :4]
    sweep[:, 3] = fourth
    path.parent.mkdir(parents=True, exist_ok=True)
    sweep.tofile(path)
    return path


def of_share(share: float, value: float, others: np.ndarray) -> np.ndarray:
    """`value` at a share of the places."""
    rows = np.random.default_rng(1).random(len(others)) < share
    return np.where(rows, value, others).astype(np.float32)


UNIT = np.random.default_rng(0).uniform(0, 1, N).astype(np.float32)
BYTES = np.floor(UNIT * 256)


@pytest.mark.parametrize(
    'fourth',
    [
        of_share(0.02, 2e4, UNIT),
        of_share(0.015, 255, UNIT),
        of_share(0.3, 255, UNIT),
        of_share(0.05, 65535, UNIT),
        of_share(0.015, 65535, BYTES),
        of_share(0.03, 4095, BYTES),
        np.floor(UNIT * 4096),
        UNIT * 10,
        np.exp(np.random.default_rng(0).normal(0, 3, N)),
    ],
)
def test_where_more_than_single_ones_decide_the_scale_it_is_named_and_the_advice_works(tmp_path, log, fourth):
    write(tmp_path / 'a.bin', fourth)
    FolderSweeps(str(tmp_path))
    (line,) = [line for line in log if 'nearly nothing is left' in line]
    advised = line.partition('intensity_max=')[2].partition('. ')[0]
    read = FolderSweeps(str(tmp_path), intensity_max=advised).load(0)[0][:, 3]
    assert 0.01 < read[read > 0].median() < 0.9


@pytest.mark.parametrize('fourth', [UNIT, UNIT * 0.2, BYTES, np.floor(BYTES / 8), np.floor(UNIT**4 * 255) + 1])
def test_sensors_that_use_their_range_are_not_named(tmp_path, log, fourth):
    write(tmp_path / 'a.bin', fourth)
    FolderSweeps(str(tmp_path))
    assert len(log) == 1, log


@pytest.mark.parametrize(
    'fourth',
    [
        np.where(np.arange(N) == 7, 255, 0),
        np.where(np.arange(N) < 10, 0.3, 1),
        of_share(0.995, 0, BYTES),
        100 + UNIT * 1e-3,
        30000 + BYTES / 2,
    ],
)
def test_intensities_that_are_as_good_as_one_are_named_once_for_all_sweeps(tmp_path, log, fourth):
    for i in range(3):
        write(tmp_path / f'{i}.bin', np.roll(fourth, 300 * i), i)
    FolderSweeps(str(tmp_path))
    (line,) = [line for line in log if 'they are as good as one' in line]
    assert '3 of 3 sweeps' in line


@pytest.mark.parametrize('odd', [0, 1, 2])
def test_of_three_sweeps_the_odd_one_is_named_not_the_others(tmp_path, odd):
    for i in range(3):
        write(tmp_path / f'{i}.bin', UNIT * (6e4 if i == odd else 1), i)
    with pytest.raises(ValueError, match=rf'{odd}\.bin: found intensities up to .*exclude=\[{odd}\.bin\]'):
        FolderSweeps(str(tmp_path))


def test_a_member_of_a_joint_set_is_named_too(tmp_path, log):
    write(tmp_path / 'a.bin', of_share(0.015, 255, UNIT))
    member = dict(dataset=dict(type='FolderSweeps', data_root=str(tmp_path), intensity_max=1000), intensity=0.255)
    JointSweeps({'a': member})
    assert sum('member a: half of the intensities are at most 0.0' in line for line in log) == 1
    log.clear()
    write(tmp_path / 'a.bin', UNIT)
    JointSweeps({'a': dict(dataset=dict(type='FolderSweeps', data_root=str(tmp_path)), intensity='unit')})
    assert not any('member a: half' in line for line in log)


SWEEP = make_sweep(N)
DISTANCE = np.linalg.norm(SWEEP[:, :3], axis=1)


@pytest.mark.parametrize(
    ('fourth', 'name'),
    [
        (DISTANCE, 'the distance'),
        (DISTANCE * 100, 'the distance'),
        (np.hypot(SWEEP[:, 0], SWEEP[:, 1]), 'the distance'),
        (SWEEP[:, 2] + 20, 'z'),
        (np.abs(SWEEP[:, 0]), r'\|x\|'),
        (np.arange(N) / N / 10, 'a time or a count'),
        (np.arange(N) * 3, 'a time or a count'),
        (np.arange(N) % 625 * 1e-4, 'a time or a count'),
        (np.random.default_rng(0).integers(0, 20, N), 'a label'),
    ],
)
def test_a_fourth_column_that_is_no_intensity_is_named(tmp_path, log, fourth, name):
    write(tmp_path / 'a.bin', fourth)
    FolderSweeps(str(tmp_path))
    (line,) = [line for line in log if 'not like an intensity' in line]
    assert f'1 of 1 sweeps looked at: the fourth column looks like {name}'.replace('\\', '') in line


def test_the_number_of_the_beam_is_named_and_an_intensity_of_whole_numbers_is_not(tmp_path, log):
    beam, azimuth_rad = np.arange(N) % 32, np.arange(N) * 2 * math.pi / N
    distance_m, elevation_rad = np.random.default_rng(0).uniform(3, 60, N), np.radians(beam - 26)
    horizontal_m = distance_m * np.cos(elevation_rad)
    xyz = horizontal_m * np.cos(azimuth_rad), horizontal_m * np.sin(azimuth_rad), distance_m * np.sin(elevation_rad)
    for fourth, named in ((beam, 1), (BYTES, 0)):
        log.clear()
        np.save(tmp_path / 'a.npy', np.stack((*xyz, fourth), 1).astype(np.float32))
        FolderSweeps(str(tmp_path))
        assert sum('looks like the number of the beam' in line for line in log) == named


def test_bytes_read_as_signed_and_other_columns_are_told_apart_in_the_advice(tmp_path):
    write(tmp_path / 'a.bin', BYTES.astype(np.uint8).astype(np.int8))
    with pytest.raises(ValueError, match=r'read as signed.*add 256'):
        FolderSweeps(str(tmp_path))
    write(tmp_path / 'a.bin', SWEEP[:, 1] / math.pi)
    with pytest.raises(ValueError, match='Is the fourth column the intensity'):
        FolderSweeps(str(tmp_path))
