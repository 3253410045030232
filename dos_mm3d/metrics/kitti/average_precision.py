"""From scores and counts to average precision at 11 and at 40 recalls."""

import numpy as np
from numpy.typing import NDArray

POSITIONS = 41  # recalls 0, 1/40, ..., 1


def score_thresholds(scores: NDArray, n_truth: int) -> NDArray[np.float64]:
    """At most POSITIONS scores, falling, at which the recall comes nearest to 0, 1/40, ...

    scores: (K,) of the predictions that find a label, of n_truth labels that count.
    """
    falling = np.sort(scores)[::-1]
    kept, recall = [], 0.0
    for i, score in enumerate(falling):
        here, next_one = (i + 1) / n_truth, (i + 2) / n_truth
        if i < len(falling) - 1 and next_one - recall < recall - here:
            continue
        kept.append(score)
        recall += 1 / (POSITIONS - 1)
    return np.array(kept[:POSITIONS])


def curve(part: NDArray, whole: NDArray) -> NDArray[np.float64]:
    """(POSITIONS,) the envelope of part / whole (T,): at each recall the best of it and all higher ones, 0 beyond."""
    found = np.zeros(POSITIONS)
    found[: len(part)] = np.divide(part, whole, out=np.zeros(len(part)), where=whole > 0)
    return np.maximum.accumulate(found[::-1])[::-1]


def ap11(envelope: NDArray) -> float:
    """Mean in percent over the recalls 0, 0.1, ..., 1 of a curve (POSITIONS,)."""
    return float(100 * envelope[::4].mean())


def ap40(envelope: NDArray) -> float:
    """Mean in percent over the recalls 1/40, 2/40, ..., 1."""
    return float(100 * envelope[1:].mean())
