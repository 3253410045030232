"""mIoU against the official devkit and against sets of points; the table of classes."""

import numpy as np
import pytest
from nuscenes.eval.lidarseg.utils import ConfusionMatrix

from dos_mm3d.datasets.nuscenes.classes import CATEGORY_TO_CLASS, CLASSES, class_of_category_index
from dos_mm3d.metrics.confusion import confusion_matrix, iou_percent, miou_percent


@pytest.fixture
def labels() -> tuple[np.ndarray, np.ndarray]:
    generator = np.random.default_rng(0)
    truth = generator.integers(0, 5, 2000)
    return truth, np.where(generator.random(2000) < 0.6, truth, generator.integers(0, 6, 2000))


def test_iou_is_intersection_over_union_of_point_sets(labels) -> None:
    truth, predicted = labels
    iou = iou_percent(confusion_matrix(truth, predicted, n_classes=6))
    for c in range(5):
        in_truth, in_prediction = set(np.flatnonzero(truth == c)), set(np.flatnonzero(predicted == c))
        assert iou[c] == pytest.approx(100 * len(in_truth & in_prediction) / len(in_truth | in_prediction))
    assert np.isnan(iou[5]), 'a class without ground truth is left out, though it was predicted'


def test_miou_equals_the_devkit(labels) -> None:
    truth, predicted = labels
    predicted = predicted % 5
    official = ConfusionMatrix(num_classes=6, ignore_idx=0)
    official.update(truth + 1, predicted + 1)
    ours = miou_percent(confusion_matrix(truth, predicted, n_classes=5))
    assert ours == pytest.approx(100 * official.get_mean_iou(), rel=1e-6)


def test_confusions_add_up(labels) -> None:
    truth, predicted = labels
    whole = confusion_matrix(truth, predicted, n_classes=6)
    parts = [confusion_matrix(truth[s], predicted[s], n_classes=6) for s in (slice(0, 700), slice(700, None))]
    assert np.array_equal(whole, parts[0] + parts[1])
    assert whole.dtype == np.int64


def test_label_out_of_range_is_an_error() -> None:
    with pytest.raises(ValueError, match='predicted has values in'):
        confusion_matrix(np.array([0, 1]), np.array([0, 3]), n_classes=3)


def test_empty_ground_truth_is_an_error() -> None:
    with pytest.raises(ValueError, match='no ground-truth point'):
        miou_percent(np.zeros((3, 3), np.int64))


def test_classes_are_in_the_order_of_their_labels() -> None:
    assert (len(CLASSES), CLASSES[0], CLASSES[6], CLASSES[15]) == (16, 'barrier', 'pedestrian', 'vegetation')
    official = np.array([0, *(1 + CLASSES.index(name) for name in CATEGORY_TO_CLASS.values() if name != 'ignore')])
    assert np.array_equal(np.unique(official), np.arange(17))


def test_index_table() -> None:
    table = class_of_category_index({0: 'noise', 17: 'vehicle.car', 31: 'vehicle.ego', 2: 'human.pedestrian.adult'})
    assert (table[0], table[17], table[31], table[2]) == (0, 4, 0, 7)
    with pytest.raises(ValueError, match=r'vehicle\.tank'):
        class_of_category_index({1: 'vehicle.tank'})
