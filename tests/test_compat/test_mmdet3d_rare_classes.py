"""Few labels may leave a class without a box: resampling and pasting go without it."""

import pickle
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from mmdet3d.datasets import CBGSDataset
from mmdet3d.datasets.transforms.dbsampler import DataBaseSampler

CLASSES = ['car', 'truck', 'bus']


class Frames:
    """Labels of the boxes of every frame, as a detection data set names them."""

    def __init__(self, labels: list[list[int]]) -> None:
        self.labels = labels

    def __len__(self) -> int:
        return len(self.labels)

    def get_cat_ids(self, index: int) -> set[int]:
        return set(self.labels[index])


def resampled(labels: list[list[int]]) -> np.ndarray:
    np.random.seed(0)
    return np.array(CBGSDataset._get_sample_indices(SimpleNamespace(metainfo={'classes': CLASSES}), Frames(labels)))


def upstream(labels: list[list[int]]) -> np.ndarray:
    """As the paper of CBGS and mmdet3d: every class that is there comes equally often."""
    np.random.seed(0)
    of_class = [[index for index, found in enumerate(labels) if label in found] for label in range(len(CLASSES))]
    total = sum(map(len, of_class))
    shares = [len(found) / total for found in of_class]
    sizes = [int(len(found) * (1 / len(CLASSES) / share)) for found, share in zip(of_class, shares, strict=True)]
    return np.concatenate([np.random.choice(found, size) for found, size in zip(of_class, sizes, strict=True)])


def test_where_all_classes_are_there_the_draws_are_upstreams() -> None:
    labels = [[0], [0, 1], [0], [2, -1], [0, 1, 2], [0], [], [0], [0]]
    assert resampled(labels).tolist() == upstream(labels).tolist()


def test_a_class_without_a_box_is_left_out_and_the_others_are_balanced() -> None:
    labels = [[0]] * 8 + [[1]]
    drawn = resampled(labels)
    assert len(drawn) == 6, 'a third of nine for each class that is there'
    assert (drawn == 8).sum() == 3


def test_without_any_box_there_is_nothing_to_balance() -> None:
    with pytest.raises(ValueError, match='no frame has a box of car, truck, bus'):
        resampled([[], [-1]])


def sampler(folder: Path, boxes: dict[str, list[int]], wanted: dict[str, int]) -> DataBaseSampler:
    """boxes: class -> points in each of its boxes."""
    infos = {
        name: [{'name': name, 'num_points_in_gt': n, 'difficulty': 0, 'path': 'p.bin'} for n in points]
        for name, points in boxes.items()
    }
    (folder / 'dbinfos.pkl').write_bytes(pickle.dumps(infos))
    return DataBaseSampler(
        info_path=str(folder / 'dbinfos.pkl'),
        data_root=str(folder),
        rate=1.0,
        prepare=dict(filter_by_difficulty=[-1], filter_by_min_points=dict.fromkeys(CLASSES, 5)),
        sample_groups=wanted,
        classes=CLASSES,
    )


def test_only_classes_with_boxes_are_pasted(tmp_path: Path, capfd: pytest.CaptureFixture) -> None:
    """A truck of two points is too thin, a bus is not there."""
    found = sampler(tmp_path, {'car': [9, 3, 7], 'truck': [2]}, {'car': 2, 'truck': 4, 'bus': 5})
    assert (found.sample_classes, found.sample_max_nums) == (['car'], [2])
    assert [info['num_points_in_gt'] for info in found.db_infos['car']] == [9, 7]
    found = sampler(tmp_path, {'car': [9], 'truck': [6], 'bus': [5]}, {'car': 2, 'bus': 5, 'truck': 4})
    assert (found.sample_classes, found.sample_max_nums) == (['car', 'bus', 'truck'], [2, 5, 4])


def test_a_scan_is_filled_with_what_is_there(tmp_path: Path) -> None:
    found = sampler(tmp_path, {}, {'bus': 5})
    assert found.sample_all(np.zeros((0, 7)), np.zeros(0)) is None
