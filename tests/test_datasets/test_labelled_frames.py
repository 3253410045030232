"""Labelled frames in folders: read as they are, cut in time, and what is wrong with one is said with its name."""

import shutil
from pathlib import Path

import numpy as np
import pytest

from dos_mm3d.datasets.labelled_frames import (
    LABEL_PAIRS,
    RANGE_IMAGES,
    FrameFiles,
    check_intensity,
    cut_in_time,
    labels_of,
)
from dos_mm3d.errors import InputError, MissingFileError
from dos_mm3d.studies.protocols.folder_sets import FOLDER_SETS
from tests.helpers.labelled_folders import range_image


def some_points(count: int = 500) -> tuple[np.ndarray, np.ndarray]:
    """x, y, z, intensity 0-255 and a class from 0 to 10."""
    rng = np.random.default_rng(0)
    xyz = rng.uniform(-1, 1, (count, 3)) * [40, 40, 2]
    intensity = rng.integers(0, 256, count)
    return np.column_stack((xyz, intensity)).astype(np.float32), rng.integers(0, 11, count)


def save(folder: Path, image: np.ndarray, name: str = '00000.npz') -> FrameFiles:
    np.savez_compressed(folder / name, range_image=image)
    return FrameFiles(folder / name)


@pytest.mark.parametrize('height', [1, 32, 64, 7])
def test_a_range_image_of_any_size_gives_its_occupied_cells(height, tmp_path):
    points, numbers = some_points()
    found, classes = RANGE_IMAGES.read(save(tmp_path, range_image(points, numbers, height)))
    assert np.array_equal(found, points)
    assert np.array_equal(classes, numbers)


def spoilt(how: str) -> np.ndarray:
    points, numbers = some_points()
    image = range_image(points, numbers, 20)
    if how == 'five columns':
        return image[..., :5]
    if how == 'flat':
        return image.reshape(-1, 6)
    if how == 'integers':
        return image.astype(np.int32)
    if how == 'empty':
        image[..., 4] = 0
    if how == 'columns in another order':
        return image[..., [2, 1, 0, 4, 3, 5]]
    if how == 'nan':
        image[0, 0, 1] = np.nan
    if how == 'half a class':
        image[0, 0, 5] = 2.5
    return image


@pytest.mark.parametrize(
    ('how', 'message'),
    [
        ('five columns', r'shape \(20, 26, 5\) .*wanted \(H, W, 6\) floats'),
        ('flat', r'shape \(520, 6\)'),
        ('integers', 'type int32'),
        ('empty', 'no point with a depth'),
        ('columns in another order', 'a fifth column that is not the distance'),
        ('nan', 'NaN or infinity in 1 of 500 points'),
        ('half a class', 'no whole numbers'),
    ],
)
def test_what_is_no_range_image_is_named(how, message, tmp_path):
    with pytest.raises(InputError, match=rf'00000\.npz: found .*{message}'):
        RANGE_IMAGES.read(save(tmp_path, spoilt(how)))


def test_a_broken_or_foreign_file_is_named(tmp_path):
    (tmp_path / 'torn.npz').write_bytes(save(tmp_path, spoilt('')).points.read_bytes()[:900])
    with pytest.raises(InputError, match=r'torn\.npz: found content that is no whole \.npz file'):
        RANGE_IMAGES.read(FrameFiles(tmp_path / 'torn.npz'))
    np.savez(tmp_path / 'other.npz', a=np.zeros(3), b=np.zeros(3))
    with pytest.raises(InputError, match=r"other\.npz: found arrays \['a', 'b'\]"):
        RANGE_IMAGES.read(FrameFiles(tmp_path / 'other.npz'))


def test_folders_that_hold_no_frames_are_named(tmp_path):
    with pytest.raises(MissingFileError, match='nowhere: does not exist; wanted a folder of range images'):
        RANGE_IMAGES.find(tmp_path / 'nowhere')
    with pytest.raises(MissingFileError, match=r'found no files; wanted range images \(\.npz\)'):
        RANGE_IMAGES.find(tmp_path)
    (tmp_path / '000000.bin').touch()
    with pytest.raises(MissingFileError, match=r'found 1 \.bin; wanted range images'):
        RANGE_IMAGES.find(tmp_path)
    with pytest.raises(InputError, match=r'000000\.bin: is a file; wanted a folder'):
        RANGE_IMAGES.find(tmp_path / '000000.bin')


def test_frames_come_in_the_order_of_their_numbers_from_all_sub_folders(tmp_path):
    for name in ('b/10.npz', 'b/9.npz', 'a/2.npz', '.hidden/1.npz'):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).touch()
    found = [str(frame.points.relative_to(tmp_path)) for frame in RANGE_IMAGES.find(tmp_path)]
    assert found == ['a/2.npz', 'b/9.npz', 'b/10.npz']


def test_one_drive_is_cut_in_time_with_a_gap_and_several_by_folder():
    frames = [FrameFiles(Path(f'drive/{number:05d}.npz')) for number in range(24)]
    train, validation = cut_in_time(frames)
    assert (train, validation) == (frames[:16], frames[18:]), '0-15 and 18-23 of 24'
    drives = [FrameFiles(Path(f'drive{number // 3}/{number}.npz')) for number in range(12)]
    train, validation = cut_in_time(drives)
    assert {frame.points.parent for frame in train} & {frame.points.parent for frame in validation} == set()
    assert (len(train), len(validation)) == (9, 3)
    with pytest.raises(InputError, match=r'drive: its 3 frames leave none to validate on.*--test-root'):
        cut_in_time(frames[:3])


@pytest.fixture
def pairs(synthetic_semantickitti: Path, tmp_path: Path) -> Path:
    return shutil.copytree(synthetic_semantickitti / 'sequences/00', tmp_path / '00')


def test_a_sweep_and_its_labels_in_the_layout_of_semantickitti_or_side_by_side(pairs, tmp_path):
    frames = LABEL_PAIRS.find(pairs)
    assert [frame.labels.parent.name for frame in frames] == ['labels', 'labels']
    points, numbers = LABEL_PAIRS.read(frames[0])
    raw = np.fromfile(frames[0].labels, np.uint32)
    assert np.array_equal(points, np.fromfile(frames[0].points, np.float32).reshape(-1, 4))
    assert np.array_equal(numbers, raw & 0xFFFF) and (raw >> 16).any()
    beside = tmp_path / 'beside'
    beside.mkdir()
    for file in frames[0].all:
        shutil.copy(file, beside)
    (frame,) = LABEL_PAIRS.find(beside)
    assert np.array_equal(LABEL_PAIRS.read(frame)[1], numbers)


def test_what_is_no_pair_is_named(pairs):
    first = LABEL_PAIRS.find(pairs)[0]
    first.labels.write_bytes(first.labels.read_bytes()[:-4])
    with pytest.raises(InputError, match=r'000000\.label: found \d+ labels \(uint32\); wanted one for each of the \d+'):
        LABEL_PAIRS.read(first)
    shutil.copytree(pairs / 'labels', pairs / 'labels_old')
    with pytest.raises(InputError, match=r'000000\.bin: found 2 label files'):
        LABEL_PAIRS.find(pairs)
    for folder in ('labels', 'labels_old'):
        (pairs / folder / '000000.label').unlink()
    with pytest.raises(MissingFileError, match=r'000000\.bin: has no labels; wanted 000000\.label beside it or in'):
        LABEL_PAIRS.find(pairs)


def test_a_sweep_of_other_columns_is_not_read_as_kittis(pairs):
    first = LABEL_PAIRS.find(pairs)[0]
    points = np.fromfile(first.points, np.float32).reshape(-1, 4)
    five = np.column_stack((points, np.arange(len(points)) % 32)).astype(np.float32)
    kept = five[: len(five) // 4 * 4]
    kept.tofile(first.points)
    with pytest.raises(InputError, match=r'000000\.bin: found values that repeat every 5 columns'):
        LABEL_PAIRS.read(first)


def test_classes_outside_the_table_are_named_and_others_looked_up():
    table = {0: 1, 7: 2, 10: 0}
    assert labels_of(np.array([7, 0, 10, 7]), table, ('a', 'b'), Path('f.npz')).tolist() == [2, 1, 0, 2]
    with pytest.raises(
        InputError, match=r'f\.npz: found the classes \[3, 255\]; wanted numbers of \[0, 7, 10\] \(a, b\)'
    ):
        labels_of(np.array([7, 255, 3]), table, ('a', 'b'), Path('f.npz'))


def test_intensities_of_another_sensor_are_named():
    values = np.linspace(0, 1, 1000, dtype=np.float32)
    check_intensity(values, 1, Path('f'))
    check_intensity(values * 255, 255, Path('f'))
    check_intensity(np.zeros(10, np.float32), 255, Path('f'))
    with pytest.raises(
        InputError, match=r'f: found intensities from 0 to 255; wanted 0 to 1\. Is it a frame of another'
    ):
        check_intensity(values * 255, 1, Path('f'))
    with pytest.raises(InputError, match='found intensities from 0 to 1; wanted 0 to 255'):
        check_intensity(values, 255, Path('f'))
    with pytest.raises(InputError, match='found intensities from -1 to 0'):
        check_intensity(values - 1, 1, Path('f'))


def test_raw_numbers_of_semantickitti_become_the_classes_of_the_benchmark():
    """The learning map of semantic-kitti.yaml, in which 0 is ignored and 1 to 19 are the classes."""
    official = {
        0: 0, 1: 0, 10: 1, 11: 2, 13: 5, 15: 3, 16: 5, 18: 4, 20: 5, 30: 6, 31: 7, 32: 8, 40: 9, 44: 10, 48: 11, 49: 12,
        50: 13, 51: 14, 52: 0, 60: 9, 70: 15, 71: 16, 72: 17, 80: 18, 81: 19, 99: 0, 252: 1, 253: 7, 254: 6, 255: 8,
        256: 5, 257: 5, 258: 4, 259: 5,
    }  # fmt: skip
    assert dict(FOLDER_SETS['bin_label'].kind.label_of) == official
    classes = FOLDER_SETS['bin_label'].kind.classes
    assert (classes[8], classes[14], classes[18]) == ('road', 'vegetation', 'traffic-sign')
    assert dict(FOLDER_SETS['range_semantickitti'].kind.label_of) == {number: number for number in range(20)}
