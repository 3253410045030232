"""Confusion matrix and intersection over union of per-point classes."""

import numpy as np
from numpy.typing import NDArray


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
    """Mean IoU in percent over the classes that occur in the ground truth; ValueError where none does."""
    iou = iou_percent(confusion)
    if np.isnan(iou).all():
        raise ValueError('the confusion matrix holds no ground-truth point: nothing to average')
    return float(np.nanmean(iou))
