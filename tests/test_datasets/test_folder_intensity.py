"""The scale of a folder's intensities is a robust one, and what does not fit is said, with advice that works."""

import logging
from pathlib import Path

import numpy as np
import pytest
from numpy.testing import assert_allclose

from dos_mm3d.datasets import folder
from dos_mm3d.datasets.folder import FolderSweeps
from tests.helpers.sweep_files import make_sweep

N = 20000


@pytest.fixture
def log(monkeypatch) -> list[str]:
    lines: list[str] = []
    monkeypatch.setattr(folder, 'print_log', lambda message, logger, level=logging.INFO: lines.append(message))
    return lines


def write(path: Path, intensity: np.ndarray, seed: int = 0) -> Path:
    """A sweep of these intensities."""
    sweep = make_sweep(len(intensity), seed)[:, :4]
    sweep[:, 3] = intensity
    path.parent.mkdir(parents=True, exist_ok=True)
    sweep.tofile(path)
    return path


def spread(high: float, seed: int = 0) -> np.ndarray:
    """(N,) float32 intensities from 0 to `high`."""
    return np.random.default_rng(seed).uniform(0, high, N).astype(np.float32)


@pytest.mark.parametrize(('high', 'scale'), [(1, 1), (97, 255), (255, 255), (3000, 65535)])
@pytest.mark.parametrize('outlier', [2e4, 1e9, -1, -3e4])
@pytest.mark.parametrize('n_outliers', [1, 20, 150])
def test_a_few_outliers_do_not_decide_the_scale_and_are_counted(tmp_path, log, high, scale, outlier, n_outliers):
    intensity = spread(high)
    intensity[:n_outliers] = outlier
    write(tmp_path / 'a.bin', intensity)
    dataset = FolderSweeps(str(tmp_path))
    assert set(dataset.scales.values()) == {scale}
    points, _ = dataset.load(0)
    assert_allclose(points[:, 3].numpy(), (intensity / np.float32(scale)).clip(0, 1), rtol=1e-6)
    if outlier < 0 or outlier > scale:
        assert any(f'{n_outliers} of {N} points looked at with an intensity' in line for line in log), log


def test_dark_scenes_of_a_sensor_that_counts_are_no_unit_interval(tmp_path):
    intensity = np.zeros(N)
    intensity[:3000] = 1
    intensity[:20] = [180, 90] * 10
    write(tmp_path / 'a.bin', intensity)
    assert set(FolderSweeps(str(tmp_path)).scales.values()) == {255}


@pytest.mark.parametrize(
    ('intensity', 'words'), [(0, 'all intensities 0'), (0.5, 'all intensities 0.5'), (100, 'all intensities 100')]
)
def test_intensities_that_say_nothing_are_named(tmp_path, log, intensity, words):
    write(tmp_path / 'a.bin', np.full(N, intensity))
    FolderSweeps(str(tmp_path))
    assert sum(words in line for line in log) == 1


@pytest.mark.parametrize('high', [0.009, 300])
def test_faint_intensities_are_named_and_the_advice_works(tmp_path, log, high):
    write(tmp_path / 'a.bin', spread(high))
    FolderSweeps(str(tmp_path))
    (line,) = [line for line in log if 'nearly nothing is left' in line]
    advised = line.partition('intensity_max=')[2].partition('. ')[0]
    log.clear()
    assert FolderSweeps(str(tmp_path), intensity_max=advised).load(0)[0][:, 3].median() > 0.4
    assert not any('nearly nothing' in line for line in log)


def test_intensities_beyond_16_bit_are_refused_and_the_advice_works(tmp_path):
    write(tmp_path / 'a.bin', spread(1e6))
    with pytest.raises(ValueError, match='wanted at most 65535') as error:
        FolderSweeps(str(tmp_path))
    advised = str(error.value).rpartition('intensity_max=')[2]
    assert FolderSweeps(str(tmp_path), intensity_max=advised).load(0)[0][:, 3].median() > 0.4


def test_two_sensors_of_one_folder_are_told_apart_by_their_names(tmp_path):
    for i in range(4):
        write(tmp_path / f'os1_{i:06d}.bin', spread(0.9, i), i)
        write(tmp_path / f'vel_{i:06d}.bin', spread(120, i), i)
    dataset = FolderSweeps(str(tmp_path))
    assert sorted(dataset.scales.values()) == [1, 255]
    medians = [float(dataset.load(i)[0][:, 3].median()) for i in range(8)]
    assert_allclose(medians, [0.45] * 4 + [60 / 255] * 4, rtol=0.05)


def test_another_scale_among_files_that_are_looked_at_stops_at_once_and_the_advice_works(tmp_path):
    for i in range(3):
        write(tmp_path / f'{i}.bin', spread(1 if i else 200, i), i)
    with pytest.raises(ValueError, match=r'0\.bin: found intensities up to 198') as error:
        FolderSweeps(str(tmp_path))
    (tmp_path / 'other').mkdir()
    (tmp_path / '0.bin').rename(tmp_path / 'other' / '0.bin')
    assert sorted(FolderSweeps(str(tmp_path)).scales.values()) == [1, 255]
    assert 'sub-folder of their own' in str(error.value)


@pytest.mark.parametrize('high', [0.9, 2e4])
def test_another_scale_among_the_rest_stops_when_it_is_drawn(tmp_path, high):
    for i in range(8):
        write(tmp_path / f'{i}.bin', spread(high if i == 2 else 200, i), i)
    dataset = FolderSweeps(str(tmp_path))
    dataset.load(1)
    with pytest.raises(ValueError, match=r'2\.bin: found intensities up to .*exclude=\[2\.bin\]'):
        dataset.load(2)
    assert len(FolderSweeps(str(tmp_path), exclude=['2.bin'])) == 7


def test_what_is_first_mended_during_training_is_said_once(tmp_path, log):
    for i in range(9):
        intensity = spread(200, i)
        intensity[: 5 * (i in (1, 2))] = -1
        write(tmp_path / f'{i}.bin', intensity, i)
    dataset = FolderSweeps(str(tmp_path))
    assert not any('negative' in line for line in log)
    for i in range(9):
        assert dataset.load(i)[0][:, 3].min() >= 0
    (line,) = [line for line in log if 'negative' in line]
    assert f'{tmp_path}/1.bin: 5 of {N} points with an intensity that is NaN, infinite or negative' in line
