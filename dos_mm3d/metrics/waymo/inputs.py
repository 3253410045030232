"""The two dicts of arrays, checked and ordered by frame."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from .breakdowns import LEVELS, TYPES

_COMMON = {'frame': np.integer, 'box': np.number, 'type': np.integer}
_OF_PREDICTION = {**_COMMON, 'score': np.floating, 'overlap_nlz': np.bool_}
_OF_GROUND_TRUTH = {**_COMMON, 'difficulty': np.integer}
_EMPTY = {np.integer: np.int64, np.number: np.float64, np.floating: np.float64, np.bool_: np.bool_}


@dataclass(frozen=True)
class Boxes:
    """Boxes in order of frame, within a frame in the order in which they were given.

    The official evaluator stores boxes and scores as float32, so the values here are float32 numbers too: a box on the
    edge of a range or of the IoU threshold falls on the same side.
    """

    starts: NDArray[np.int64]  # (F + 1,) those of frame f lie at starts[f] to starts[f + 1]
    box: NDArray[np.float64]  # (N, 7) centre x, y, z, length, width, height in metres, heading in radians
    kind: NDArray[np.int64]  # (N,) 1 vehicle, 2 pedestrian, 3 sign, 4 cyclist


@dataclass(frozen=True)
class Predictions(Boxes):
    """Boxes with a score (N,) float32 in [0, 1]; overlap_nlz (N,): overlaps a no-label zone."""

    score: NDArray[np.float32]
    overlap_nlz: NDArray[np.bool_]


@dataclass(frozen=True)
class GroundTruth(Boxes):
    """Labelled boxes with their difficulty (N,), 1 or 2."""

    difficulty: NDArray[np.int64]


def ordered_by_frame(
    prediction: Mapping[str, ArrayLike], ground_truth: Mapping[str, ArrayLike]
) -> tuple[Predictions, GroundTruth]:
    """Both sides, over the frames that occur in either.

    ValueError for missing arrays, wrong shapes or values; TypeError for arrays of another type.
    """
    predicted = _checked('prediction', prediction, _OF_PREDICTION)
    labelled = _checked('ground_truth', ground_truth, _OF_GROUND_TRUTH)
    score, difficulty = predicted['score'], labelled['difficulty']
    if not ((score >= 0) & (score <= 1)).all():  # written so that NaN fails
        wrong = score[~((score >= 0) & (score <= 1))][0]
        raise ValueError(f'prediction score must be in [0, 1], got {wrong}: give probabilities, not logits')
    if not np.isin(difficulty, LEVELS).all():
        wrong = difficulty[~np.isin(difficulty, LEVELS)][0]
        raise ValueError(f'ground_truth difficulty must be 1 or 2, got {wrong}: decide unset ones by waymo_difficulty')
    frames = np.union1d(predicted['frame'], labelled['frame'])
    boxes, of_prediction = _ordered(predicted, frames)
    truths, of_truth = _ordered(labelled, frames)
    return (
        Predictions(*boxes, score[of_prediction].astype(np.float32), predicted['overlap_nlz'][of_prediction]),
        GroundTruth(*truths, difficulty[of_truth].astype(np.int64)),
    )


def _ordered(side: dict[str, NDArray], frames: NDArray) -> tuple[tuple[NDArray, NDArray, NDArray], NDArray]:
    """(starts, box, kind) of Boxes, and the order that they are in."""
    order = np.argsort(side['frame'], kind='stable')
    starts = np.append(np.searchsorted(side['frame'][order], frames), len(order))
    box = side['box'][order].astype(np.float32).astype(np.float64)
    return (starts, box, side['type'][order].astype(np.int64)), order


def _checked(side: str, given: Mapping[str, ArrayLike], wanted: dict[str, type]) -> dict[str, NDArray]:
    """The wanted arrays of one side, of the right shapes and types, boxes finite, types 1 to 4."""
    missing = [name for name in wanted if name not in given]
    if missing:
        raise ValueError(f'{side} lacks {missing}, it has {sorted(given)}; wanted {sorted(wanted)}')
    arrays = {name: _checked_array(f'{side} {name}', given[name], kind) for name, kind in wanted.items()}
    count = len(arrays['frame'])
    for name, array in arrays.items():
        shape = (count, 7) if name == 'box' else (count,)
        if array.shape != shape:
            raise ValueError(f'{side} {name} has shape {array.shape}, wanted {shape}: one row for each entry of frame')
    if not np.isfinite(arrays['box']).all():
        row = int(np.flatnonzero(~np.isfinite(arrays['box']).all(axis=1))[0])
        raise ValueError(f'{side} box {row} is {arrays["box"][row].tolist()}, wanted finite numbers: leave it out')
    known = (arrays['type'] >= 1) & (arrays['type'] <= len(TYPES))
    if not known.all():
        wrong = arrays['type'][~known][0]
        names = ', '.join(f'{number} {name.lower()}' for number, name in enumerate(TYPES, start=1))
        raise ValueError(f'{side} type must be one of {names}; got {wrong}: leave out or map other classes')
    return {**arrays, 'frame': arrays['frame'].astype(np.int64)}  # unsigned and signed would meet as floats


def _checked_array(name: str, given: ArrayLike, kind: type) -> NDArray:
    """An array of this kind of number; an empty one may be of any kind."""
    array = np.asarray(given)
    if array.size and not np.issubdtype(array.dtype, kind):
        raise TypeError(f'{name} is {array.dtype}, wanted {kind.__name__.rstrip("_")}: convert it first')
    if array.size:
        return array
    return array.reshape(-1, 7) if name.endswith('box') else array.reshape(-1).astype(_EMPTY[kind])
