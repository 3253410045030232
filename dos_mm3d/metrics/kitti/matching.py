"""Which predictions find which labels, as mmdet3d's compute_statistics_jit decides it, label after label.

All compiled code stays in this file: numba's disk cache notices changes of this file only.
"""

import math

import numpy as np
from numba import njit

N_COUNTS = 4  # true positives, false positives, misses, summed similarity of orientation
_COUNTS, _LOOKED_OVER, _OTHER = 0, 1, -1  # states; difficulty.py has the words


@njit(cache=True, nogil=True)
def hit_scores(frames, truth_state, found_state, score, iou, least_iou):
    """Scores of the predictions that find a label when all of them are taken, each label the surest one.

    frames: starts of labels, of predictions and of pairs, (F + 1,) each. States (G,), (D,); score (D,);
    iou (pairs,), of a frame its predictions by its labels.
    """
    scores = [0.0 for _ in range(0)]
    assigned = np.zeros(len(score), np.bool_)
    for frame in range(len(frames[0]) - 1):
        g, d, pairs = frames[0][frame], frames[1][frame], frames[2][frame]
        n_truth, n_found = frames[0][frame + 1] - g, frames[1][frame + 1] - d
        for i in range(n_truth):
            best = _surest(
                truth_state[g + i], found_state[d : d + n_found], score[d : d + n_found], assigned[d : d + n_found],
                iou[pairs : pairs + n_found * n_truth], i, n_truth, least_iou,
            )  # fmt: skip
            if best >= 0:
                assigned[d + best] = True
                if truth_state[g + i] == _COUNTS and found_state[d + best] == _COUNTS:
                    scores.append(score[d + best])
    return np.array(scores)


@njit(cache=True, nogil=True)
def count_at(thresholds, frames, truth_state, found_state, score, iou, least_iou, excused, difference):
    """Counts (T, N_COUNTS) of the predictions that reach each score, each label found by the one that overlaps most.

    excused (D,): in a don't-care region, so no false positive. difference (pairs,): of the observed angles, in radians.
    """
    out = np.zeros((len(thresholds), N_COUNTS))
    for t in range(len(thresholds)):
        assigned = np.zeros(len(score), np.bool_)
        for frame in range(len(frames[0]) - 1):
            g, d, pairs = frames[0][frame], frames[1][frame], frames[2][frame]
            n_truth, n_found = frames[0][frame + 1] - g, frames[1][frame + 1] - d
            for i in range(n_truth):
                best = _nearest(
                    truth_state[g + i], found_state[d : d + n_found], score[d : d + n_found],
                    assigned[d : d + n_found], iou[pairs : pairs + n_found * n_truth], i, n_truth, least_iou,
                    thresholds[t],
                )  # fmt: skip
                if best < 0:
                    out[t, 2] += truth_state[g + i] == _COUNTS
                    continue
                assigned[d + best] = True
                if truth_state[g + i] == _COUNTS and found_state[d + best] == _COUNTS:
                    out[t, 0] += 1
                    out[t, 3] += (1 + math.cos(difference[pairs + best * n_truth + i])) / 2
        for j in range(len(score)):
            stray = found_state[j] == _COUNTS and score[j] >= thresholds[t] and not assigned[j]
            out[t, 1] += stray and not excused[j]
    return out


@njit(cache=True, nogil=True)
def _surest(truth_state, found_state, score, assigned, iou, i, n_truth, least_iou):
    """The prediction with the highest score over label i that is not taken yet; -1 for none."""
    best, best_score = -1, -np.inf
    if truth_state != _OTHER:
        for j in range(len(score)):
            if found_state[j] == _OTHER or assigned[j] or iou[j * n_truth + i] <= least_iou:
                continue
            if score[j] > best_score:
                best, best_score = j, score[j]
    return best


@njit(cache=True, nogil=True)
def _nearest(truth_state, found_state, score, assigned, iou, i, n_truth, least_iou, threshold):
    """The prediction with the highest IoU among those that count; else the first that is looked over; -1 for none."""
    best, best_iou, first = -1, 0.0, -1
    if truth_state != _OTHER:
        for j in range(len(score)):
            if found_state[j] == _OTHER or assigned[j] or score[j] < threshold or iou[j * n_truth + i] <= least_iou:
                continue
            if found_state[j] == _COUNTS and iou[j * n_truth + i] > best_iou:
                best, best_iou = j, iou[j * n_truth + i]
            elif found_state[j] == _LOOKED_OVER and first < 0:
                first = j
    return best if best >= 0 else first
