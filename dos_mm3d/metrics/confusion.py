"""The confusion matrix of per-point classes, the IoUs that follow from it, and the metric that writes it in a test."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from mmdet3d.registry import METRICS
from mmengine.evaluator import BaseMetric
from numpy.typing import NDArray

from ..errors import InputError
from ..files import read_json, write_json


def confusion_matrix(truth: NDArray, predicted: NDArray, *, n_classes: int) -> NDArray[np.int64]:
    """Count (true, predicted) pairs. truth, predicted: (N,) integers in [0, n_classes). Returns int64 (n, n).

    ValueError where lengths differ or a value is out of range: a wrong label would silently land in another cell.
    """
    if truth.shape != predicted.shape:
        raise ValueError(f'truth {truth.shape} and predicted {predicted.shape} differ in length')
    for name, values in (('truth', truth), ('predicted', predicted)):
        if values.size and (values.min() < 0 or values.max() >= n_classes):
            raise ValueError(f'{name} has values in [{values.min()}, {values.max()}], wanted [0, {n_classes - 1}]')
    pairs = truth.astype(np.int64) * n_classes + predicted.astype(np.int64)
    return np.bincount(pairs, minlength=n_classes**2).reshape(n_classes, n_classes).astype(np.int64)


def iou_percent(confusion: NDArray[np.int64]) -> NDArray[np.float64]:
    """IoU in percent per class, TP / (TP + FP + FN); nan for a class without a ground-truth point."""
    true_positive = np.diagonal(confusion).astype(np.float64)
    union = confusion.sum(0) + confusion.sum(1) - true_positive
    present = confusion.sum(1) > 0
    return np.where(present, 100 * true_positive / np.maximum(union, 1), np.nan)


def miou_percent(confusion: NDArray[np.int64]) -> float:
    """Mean IoU in percent over the classes that occur in the ground truth; InputError where none does."""
    iou = iou_percent(confusion)
    if np.isnan(iou).all():
        raise InputError(
            'no point of the scored frames has a class (no ground-truth point): nothing to average; correct the label '
            'files, or which frames are scored'
        )
    return float(np.nanmean(iou))


@METRICS.register_module()
class ConfusionMatrix(BaseMetric):
    """Beside a segmentation metric (tools/test.py --confusion FILE): counts the points of each true and predicted class
    and writes ``{'classes': names, 'confusion': K x K, rows are the true classes}``.

    A matrix per scan is all that is kept: a test set of any size fits. Points without a true class are left out.

    Args:
        out_file: the JSON file.
    """

    def __init__(self, out_file: str, collect_device: str = 'cpu') -> None:
        super().__init__(collect_device=collect_device, prefix='confusion')
        self.out_file = Path(out_file)

    def process(self, data_batch: Any, data_samples: Sequence[Mapping[str, Any]]) -> None:
        """Count the points of a batch; ValueError where predictions and labels do not match, or there are none."""
        if 'ignore_index' not in self.dataset_meta:
            raise InputError(
                'a confusion matrix (--confusion) is for segmentation: this data set has no class per point'
            )
        n_classes, ignored = len(self.dataset_meta['classes']), self.dataset_meta['ignore_index']
        for sample in data_samples:
            truth = np.asarray(sample['eval_ann_info']['pts_semantic_mask'])
            predicted = _array(sample['pred_pts_seg']['pts_semantic_mask'])
            if truth.shape != predicted.shape:
                raise ValueError(f'{len(truth)} labels and {len(predicted)} predictions for one scan')
            kept = truth != ignored
            self.results.append(confusion_matrix(truth[kept], predicted[kept], n_classes=n_classes))

    def compute_metrics(self, results: Sequence[np.ndarray]) -> dict[str, float]:
        """Write the sum over all scans; the number of points is all that is printed."""
        total = np.sum(results, axis=0)
        write_json(self.out_file, {'classes': list(self.dataset_meta['classes']), 'confusion': total.tolist()})
        return {'points': float(total.sum())}


def read_confusion(path: str | Path) -> tuple[list[str], np.ndarray]:
    """(names of the classes, (K, K) int64 confusion matrix) of a file that :class:`ConfusionMatrix` wrote."""
    found = read_json(path)
    return list(found['classes']), np.array(found['confusion'], np.int64)


def _array(values: Any) -> np.ndarray:
    return values.cpu().numpy() if hasattr(values, 'cpu') else np.asarray(values)
