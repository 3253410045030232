"""From confusion matrices to the numbers of the table."""

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from ..datasets.nuscenes.classes import CLASSES
from ..metrics.confusion import iou_percent, miou_percent


def summarise(
    confusions: Mapping[str, Sequence[NDArray[np.int64]]],
    groups: Mapping[str, Sequence[str]],
    classes: Sequence[str] = CLASSES,
) -> dict:
    """One entry per group of rows: a single row, or one row per random seed.

    confusions: row -> one (classes, classes) matrix per draw.  groups: name in the report -> its rows.
    Returns {group: {'miou', 'sd', 'draws', 'seeds'?, 'per_class'}}, percent; sd is over the draws (n - 1), each draw
    being the mean over the seeds. Classes that do not occur in the test set are None and left out of the mean.
    """
    return {group: _summarise_group([confusions[row] for row in rows], classes) for group, rows in groups.items()}


def _summarise_group(rows: Sequence[Sequence[NDArray[np.int64]]], classes: Sequence[str]) -> dict:
    miou = np.array([[miou_percent(matrix) for matrix in draws] for draws in rows])
    per_class = np.mean([[iou_percent(matrix) for matrix in draws] for draws in rows], axis=(0, 1))
    draws = miou.mean(0)
    summary = {
        'miou': float(miou.mean()),
        'sd': float(draws.std(ddof=1)) if len(draws) > 1 else None,
        'draws': draws.tolist(),
        'per_class': {name: None if np.isnan(iou) else float(iou) for name, iou in zip(classes, per_class)},
    }
    if len(rows) > 1:
        summary['seeds'] = miou.mean(1).tolist()
    return summary


def classes_absent(confusion: NDArray[np.int64], classes: Sequence[str] = CLASSES) -> list[str]:
    """Names of the classes without a single ground-truth point in the test set."""
    return [name for name, count in zip(classes, confusion.sum(1)) if count == 0]
