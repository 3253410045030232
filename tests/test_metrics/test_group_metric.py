"""Means over groups of classes, against IoUs counted point by point."""

import math

import numpy as np
import pytest
import torch
from mmengine.structures import BaseDataElement

from dos_mm3d.datasets.scannet.segmentation import ScanNet200Seg
from dos_mm3d.metrics.grouped import GroupedSegMetric, group_means

CLASSES = ('a', 'b', 'c', 'd', 'e')
GROUPS = ('head', 'tail', 'head', 'tail', 'common')


def evaluated(truth: list[list[int]], predicted: list[list[int]], groups: tuple[str, ...] | None = GROUPS) -> dict:
    """The metric over scans of labels 0 .. 4, 5 is ignored."""
    metric = GroupedSegMetric()
    metric.dataset_meta = dict(classes=CLASSES, label2cat=dict(enumerate(CLASSES)), ignore_index=5)
    if groups is not None:
        metric.dataset_meta['groups'] = groups
    for true, found in zip(truth, predicted):
        sample = dict(
            pred_pts_seg=BaseDataElement(pts_semantic_mask=torch.tensor(found)),
            eval_ann_info=dict(pts_semantic_mask=np.array(true)),
        )
        metric.process({}, [sample])
    return metric.compute_metrics(metric.results)


def iou_by_counting(truth: list[int], predicted: list[int], label: int) -> float:
    pairs = [(t, p) for t, p in zip(truth, predicted) if t != 5]
    both = sum(t == label and p == label for t, p in pairs)
    either = sum(t == label or p == label for t, p in pairs)
    return both / either if either else math.nan


@pytest.mark.filterwarnings('ignore:invalid value encountered in divide')
def test_groups_are_means_of_the_ious_of_their_classes():
    rng = np.random.default_rng(0)
    truth = rng.choice([0, 1, 2, 3, 5], (2, 60)).tolist()
    predicted = rng.choice([0, 1, 2, 3], (2, 60)).tolist()
    found = evaluated(truth, predicted)
    iou = [iou_by_counting([*truth[0], *truth[1]], [*predicted[0], *predicted[1]], label) for label in range(5)]
    assert math.isnan(iou[4]) and math.isnan(found['miou_common']), 'no point of it anywhere'
    assert found['miou_head'] == pytest.approx((iou[0] + iou[2]) / 2)
    assert found['miou_tail'] == pytest.approx((iou[1] + iou[3]) / 2)
    assert found['miou'] == pytest.approx(sum(iou[:4]) / 4)
    assert found['a'] == pytest.approx(iou[0])


def test_classes_that_are_nowhere_are_left_out_of_their_group():
    means = group_means(np.array([0.5, np.nan, 0.1]), ['x', 'x', 'y'])
    assert means == {'miou_x': 0.5, 'miou_y': pytest.approx(0.1)}


def test_a_data_set_without_groups_is_refused():
    with pytest.raises(ValueError, match='no groups for 5 classes'):
        evaluated([[0]], [[0]], groups=None)
    with pytest.raises(ValueError, match='4 groups for 5 classes'):
        evaluated([[0]], [[0]], groups=GROUPS[:4])


def test_scannet200_names_a_group_for_every_class():
    groups = ScanNet200Seg.METAINFO['groups']
    assert len(groups) == len(ScanNet200Seg.METAINFO['classes']) == 200
    assert [groups.count(name) for name in ('head', 'common', 'tail')] == [66, 68, 66]
