"""Average precision from counts at score cutoffs, integrated as the official evaluator does."""

import numpy as np
from numpy.typing import NDArray

MAX_RECALL_STEP = 0.05
_TOLERANCE = 1e-6


def score_cutoffs() -> NDArray[np.float32]:
    """The 101 cutoffs 0, 0.01, ..., 1 as the float32 numbers that scores are compared with."""
    return np.array([*(step * 0.01 for step in range(100)), 1.0], np.float32)


def average_precisions(
    true_positives: NDArray, false_positives: NDArray, false_negatives: NDArray, heading_accuracy: NDArray
) -> tuple[float, float]:
    """AP and APH, in [0, 1], from counts (C,) at C cutoffs; heading_accuracy (C,): summed over true positives.

    A cutoff without predictions has precision 0, one without ground truth recall 0. APH weighs the precision only:
    its recall is that of AP. Without any ground truth both are 0, as the official evaluator reports them.
    """
    recall = _ratio(true_positives, true_positives + false_negatives)
    found = true_positives + false_positives
    return tuple(integrate(_ratio(hits, found), recall) for hits in (true_positives, heading_accuracy))


def integrate(precision: NDArray, recall: NDArray) -> float:
    """Area under the precision envelope; precision, recall: (C,) in any order.

    Equal recalls keep their best precision, which then holds for every lower recall (the envelope). The area is that of
    trapezoids between neighbouring recalls; a gap wider than 0.05 is first filled with points every 0.05 below its
    upper end that keep the precision of that end, so that a steep rise counts over one step only. Down to recall 0 the
    precision of the lowest recall above it holds.
    """
    reached = recall > 0
    levels, inverse = np.unique(recall[reached], return_inverse=True)
    if len(levels) == 0:
        return 0.0
    best = np.zeros(len(levels))
    np.maximum.at(best, inverse, precision[reached])
    envelope = np.maximum.accumulate(best[::-1])
    levels = levels[::-1]
    area = float(levels[-1] * envelope[-1])
    for upper, lower, kept, next_precision in zip(levels, levels[1:], envelope, envelope[1:]):
        last = upper - _filled(upper - lower)
        area += (upper - last) * kept + (last - lower) * (kept + next_precision) / 2
    return min(float(area), 1.0)  # rounding may carry the sum beyond


def _filled(gap: float) -> float:
    """The part of a recall gap that whole steps of 0.05 cover, where what is left is at most one step."""
    return MAX_RECALL_STEP * max(0, int(np.ceil((gap - _TOLERANCE) / MAX_RECALL_STEP)) - 1)


def _ratio(part: NDArray, whole: NDArray) -> NDArray[np.float64]:
    """part / whole, 0 where whole is 0."""
    return np.divide(part, whole, out=np.zeros(len(whole)), where=whole > 0)
