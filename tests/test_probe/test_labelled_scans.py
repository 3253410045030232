"""Labelled scans of a segmentation data set: points, classes and sequences against the files themselves."""

from pathlib import Path

import numpy as np
import pytest

from dos_mm3d.datasets.semantickitti.classes import RAW_ID
from dos_mm3d.probe.scans import LabelledScans, Seg3DScans
from dos_mm3d.studies.protocols.datasets import DATASETS, KITTI_CLASSES, seg3d_scans

FOLDED = {
    'bus': 'other-vehicle',
    'on-rails': 'other-vehicle',
    'lane-marking': 'road',
    'moving-car': 'car',
    'moving-bicyclist': 'bicyclist',
    'moving-person': 'person',
    'moving-motorcyclist': 'motorcyclist',
    'moving-on-rails': 'other-vehicle',
    'moving-bus': 'other-vehicle',
    'moving-truck': 'truck',
    'moving-other-vehicle': 'other-vehicle',
}
"""semantic-kitti.yaml: raw names that are taught as another of the 19 classes."""


def open_kitti(root: Path, part: str) -> LabelledScans:
    return DATASETS['synthetic_semantickitti'].at(root).scans(part)


def expected_labels(raw: np.ndarray) -> np.ndarray:
    """Written out by name, apart from mmdet3d's table: 1 + class, 0 for what is not taught."""
    table = {}
    for name, number in RAW_ID.items():
        taught = FOLDED.get(name, name)
        table[number] = KITTI_CLASSES.index(taught) + 1 if taught in KITTI_CLASSES else 0
    return np.array([table[number] for number in raw & 0xFFFF])


def test_points_and_classes_are_those_of_the_files(synthetic_semantickitti: Path) -> None:
    scans = open_kitti(synthetic_semantickitti, 'test')
    assert scans.names == [f'sequences/08/velodyne/{frame:06d}.bin' for frame in (0, 1)]
    for index, name in enumerate(scans.names):
        points, labels = scans.read(index)
        file = synthetic_semantickitti / name
        stored = np.fromfile(file, np.float32).reshape(-1, 4)
        raw = np.fromfile(file.parents[1] / f'labels/{file.stem}.label', np.uint32)
        np.testing.assert_array_equal(points.numpy(), stored)
        np.testing.assert_array_equal(labels.numpy(), expected_labels(raw))
        assert len(labels.unique()) > 4


def test_parts_are_whole_sequences(synthetic_semantickitti: Path) -> None:
    parts = {part: open_kitti(synthetic_semantickitti, part) for part in ('pretrain', 'probe_train', 'test')}
    found = {part: set(scans.sequences) for part, scans in parts.items()}
    assert found['test'] == {'08'}
    assert found['pretrain'] | found['probe_train'] == {'00', '01'}
    assert not found['pretrain'] & found['probe_train']
    assert all(len(scans) == 2 for scans in parts.values())
    with pytest.raises(ValueError, match=r'2 training sequences leave none for validation.*--split test'):
        open_kitti(synthetic_semantickitti, 'validation')


def test_what_does_not_fit_is_named(synthetic_semantickitti: Path) -> None:
    scans = open_kitti(synthetic_semantickitti, 'test')
    with pytest.raises(ValueError, match=r'found the labels \[-1, 77\], wanted 0 to 18 and 19'):
        scans.one_based(np.array([0, 18, 19, 77, -1]), 'scan')
    assert scans.one_based(np.array([0, 18, 19]), 'scan').tolist() == [1, 19, 0]
    scans.channels = scans.channels[:3]
    with pytest.raises(ValueError, match=r'000000\.bin: its points have 4 columns, wanted 3: x'):
        scans.read(0)
    with pytest.raises(ValueError, match=r"no scan of the sequences \['77'\]; it has \['08'\]"):
        kitti = DATASETS['synthetic_semantickitti'].at(synthetic_semantickitti)
        seg3d_scans(kitti, 'semantickitti_infos_val.pkl', ['77'])


@pytest.mark.parametrize('name', ['scannet', 'scannet200'])
def test_rooms_are_read_with_their_columns(synthetic_scannet: Path, name: str) -> None:
    dataset = DATASETS[name].at(synthetic_scannet)
    scans = dataset.scans('test')
    points, labels = scans.read(0)
    assert isinstance(scans, Seg3DScans)
    assert (len(scans), points.shape[1], len(labels)) == (1, 9, len(points))
    assert scans.classes == dataset.classes
    assert 0 <= int(labels.min()) < int(labels.max()) <= len(dataset.classes)
    assert float(points[:, 3:6].max()) <= 1


def test_waymos_labelled_frames_are_read_by_segment(synthetic_waymo: Path) -> None:
    dataset = DATASETS['waymo'].at(synthetic_waymo)
    scans = dataset.scans('test')
    points, labels = scans.read(0)
    assert (len(scans), scans.sequences, points.shape[1]) == (1, ['1000'], 5)
    stored = np.fromfile(synthetic_waymo / f'training/semantic/{Path(scans.names[0]).stem}.bin', np.uint8)
    np.testing.assert_array_equal(labels.numpy(), stored)
    assert scans.classes == dataset.classes
    assert set(dataset.scans('pretrain').sequences) | set(dataset.scans('probe_train').sequences) == {'0000', '0001'}
