"""AP and APH of every official breakdown."""

import os
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from functools import partial

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ...progress import progress_bar
from ..rotated_iou import matchable_pairs
from .assignment import N_COUNTS, count_matches
from .breakdowns import LEVELS, SHARD_NAMES, breakdown_name, shards
from .inputs import GroundTruth, Predictions, ordered_by_frame
from .precision_recall import average_precisions, score_cutoffs

# by type, the first of none: vehicle, pedestrian, sign, cyclist
LEAST_IOU = np.array([0, 0.7, 0.5, 0.5, 0.5], np.float32)
_IOU_STEPS = np.float32(1e6)  # the official matching maximises whole millionths
_CHUNK_FRAMES = 100
_SILENT_SECONDS = 2


def waymo_detection_metrics(
    prediction: Mapping[str, ArrayLike], ground_truth: Mapping[str, ArrayLike], *, threads: int | None = None
) -> dict[str, tuple[float, float]]:
    """(AP, APH), in [0, 1], by official breakdown name, in the official order.

    Names: 'OBJECT_TYPE_TYPE_VEHICLE_LEVEL_1', 'RANGE_TYPE_VEHICLE_[0, 30)_LEVEL_1' and so on, for VEHICLE, PEDESTRIAN,
    SIGN and CYCLIST, the ranges [0, 30), [30, 50) and [50, +inf) metres, LEVEL_1 and LEVEL_2 (which includes LEVEL_1).

    prediction and ground_truth: arrays with one row per box: ``frame`` (N,) integer, any numbering; ``box`` (N, 7) x,
    y, z of the centre, length, width, height in metres, heading in radians, in the vehicle frame; ``type`` (N,) 1
    vehicle, 2 pedestrian, 3 sign, 4 cyclist. prediction also: ``score`` (N,) in [0, 1], ``overlap_nlz`` (N,) bool, in a
    no-label zone: no false positive. ground_truth also: ``difficulty`` (N,) 1 or 2 (see waymo_difficulty, which also
    says which boxes have no point and must be left out). A breakdown without ground truth has 0, as officially.

    threads: of this computation; by default the CPUs that the process may use. The result does not depend on it.
    The first call on a machine compiles for some seconds.
    ValueError or TypeError for arrays that are not so.
    """
    counts = detection_counts(prediction, ground_truth, threads=threads)
    return {
        breakdown_name(shard, level): average_precisions(of[:, 0], of[:, 1], of[:, 1 + level], of[:, 4])
        for shard, of in enumerate(counts)
        for level in LEVELS
    }


def detection_counts(
    prediction: Mapping[str, ArrayLike], ground_truth: Mapping[str, ArrayLike], *, threads: int | None = None
) -> NDArray[np.float64]:
    """Counts (shards, cutoffs, 5) that the metrics are made of.

    Last axis: true positives, false positives, misses of LEVEL_1, misses of LEVEL_2, summed heading accuracy. Shards in
    the order of breakdowns.SHARD_NAMES. Arguments and errors: those of waymo_detection_metrics.
    """
    predictions, truths = ordered_by_frame(prediction, ground_truth)
    frames = len(predictions.starts) - 1
    cutoffs = score_cutoffs()
    reached = np.searchsorted(cutoffs, predictions.score, side='right')
    prepared = (
        (predictions.starts, shards(predictions.box, predictions.kind), reached, predictions.overlap_nlz),
        (truths.starts, shards(truths.box, truths.kind), truths.difficulty),
    )
    chunks = [(first, min(first + _CHUNK_FRAMES, frames)) for first in range(0, frames, _CHUNK_FRAMES)]
    total = np.zeros((len(SHARD_NAMES), len(cutoffs), N_COUNTS))
    with ThreadPoolExecutor(threads or len(os.sched_getaffinity(0))) as pool:
        done = pool.map(partial(_chunk_counts, predictions, truths, prepared), chunks)
        # in the order of the chunks: sums of floats are the same with any number of threads
        for counts in progress_bar(
            done, 'Waymo metric', total=len(chunks), unit='chunk', delay=_SILENT_SECONDS, leave=False
        ):
            total += counts
    return total


def _chunk_counts(
    predictions: Predictions, truths: GroundTruth, prepared: tuple[tuple, tuple], chunk: tuple[int, int]
) -> NDArray[np.float64]:
    """detection_counts of the frames chunk[0] to chunk[1] - 1. prepared: the first two tables of count_matches."""
    p_boxes, g_boxes = ((side.starts, side.box, side.kind) for side in (predictions, truths))
    of_prediction, of_truth, iou = matchable_pairs(*chunk, *p_boxes, *g_boxes, LEAST_IOU)
    accuracy = heading_accuracy(predictions.box[of_prediction, 6], truths.box[of_truth, 6])
    weight = np.floor(iou * _IOU_STEPS + np.float32(0.5)).astype(np.int64)
    starts = np.searchsorted(of_prediction, np.arange(len(predictions.box) + 1))
    pairs = (starts, of_truth, weight, accuracy)
    return count_matches(*chunk, len(score_cutoffs()), *prepared, pairs, len(SHARD_NAMES))


def heading_accuracy(predicted: NDArray, true: NDArray) -> NDArray[np.float64]:
    """1 - |heading error| / pi in [0, 1], of headings (N,) in radians: 1 where they agree, 0 where opposite."""
    error = np.abs(np.mod(predicted - true + np.pi, 2 * np.pi) - np.pi)
    return np.clip(1 - error / np.pi, 0, 1)
