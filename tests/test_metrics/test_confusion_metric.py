"""The confusion matrix of a segmentation test."""

import numpy as np
import pytest
import torch
from mmdet3d.evaluation.metrics import SegMetric

from dos_mm3d.metrics.confusion import ConfusionMatrix, miou_percent, read_confusion

CLASSES = ('road', 'car', 'tree')
META = dict(classes=CLASSES, ignore_index=3, label2cat=dict(enumerate(CLASSES)))


def samples(truths: list[list[int]], predictions: list[list[int]]) -> list[dict]:
    return [
        {
            'eval_ann_info': {'pts_semantic_mask': np.array(truth)},
            'pred_pts_seg': {'pts_semantic_mask': torch.tensor(predicted)},
        }
        for truth, predicted in zip(truths, predictions)
    ]


def test_rows_are_the_true_classes_and_ignored_points_are_left_out(tmp_path) -> None:
    metric = ConfusionMatrix(out_file=str(tmp_path / 'new' / 'confusion.json'))
    metric.dataset_meta = META
    metric.process(None, samples([[0, 0, 1, 3], [2, 1]], [[0, 1, 1, 0], [0, 1]]))
    assert metric.evaluate(2) == {'confusion/points': 5.0}
    classes, confusion = read_confusion(tmp_path / 'new' / 'confusion.json')
    assert classes == list(CLASSES)
    assert confusion.tolist() == [[1, 1, 0], [0, 2, 0], [1, 0, 0]]


def test_its_miou_is_that_of_mmdet3d(tmp_path) -> None:
    rng = np.random.default_rng(0)
    batch = samples(
        [rng.integers(0, 4, 500).tolist() for _ in range(3)], [rng.integers(0, 3, 500).tolist() for _ in range(3)]
    )
    ours, theirs = ConfusionMatrix(out_file=str(tmp_path / 'c.json')), SegMetric()
    for metric in (ours, theirs):
        metric.dataset_meta = META
        metric.process(None, batch)
    ours.evaluate(3)
    assert miou_percent(read_confusion(tmp_path / 'c.json')[1]) == pytest.approx(
        100 * theirs.evaluate(3)['miou'], rel=1e-5
    )


def test_what_does_not_match_is_refused(tmp_path) -> None:
    metric = ConfusionMatrix(out_file=str(tmp_path / 'c.json'))
    metric.dataset_meta = META
    with pytest.raises(ValueError, match='3 labels and 2 predictions'):
        metric.process(None, samples([[0, 1, 2]], [[0, 1]]))
    metric.dataset_meta = dict(classes=CLASSES)
    with pytest.raises(ValueError, match='no class per point'):
        metric.process(None, samples([[0]], [[0]]))
