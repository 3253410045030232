"""AP of every class, difficulty and kind of overlap, under mmdet3d's names."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import product

import numpy as np
from numpy.typing import NDArray

from ...errors import InputError
from ..rotated_iou import box_iou_3d
from .average_precision import ap11, ap40, curve, score_thresholds
from .boxes import DONT_CARE, Annotations, Boxes, bev_iou, flattened, image_iou, overlaps, share_inside
from .difficulty import CLASSES, COUNTS, DIFFICULTIES, Difficulty, found_states, truth_states
from .matching import count_at, hit_scores


@dataclass(frozen=True)
class Overlap:
    """A way in which a prediction may cover a label.

    Args:
        name: in mmdet3d's keys.
        iou: of two sets of boxes.
        field: of `Boxes`, what it takes.
        least: class -> the IoU that must be exceeded, strictly and loosely.
    """

    name: str
    iou: Callable[[NDArray, NDArray], NDArray]
    field: str
    least: Mapping[str, tuple[float, float]]


_SOLID = {'Car': (0.7, 0.5), 'Pedestrian': (0.5, 0.25), 'Cyclist': (0.5, 0.25)}
_IMAGE = {'Car': (0.7, 0.7), 'Pedestrian': (0.5, 0.5), 'Cyclist': (0.5, 0.5)}
OVERLAPS = (
    Overlap('3D', box_iou_3d, 'box', _SOLID),
    Overlap('BEV', bev_iou, 'box', _SOLID),
    Overlap('2D', image_iou, 'image', _IMAGE),
)
STRICTNESS = ('strict', 'loose')
AVERAGES = {'AP11': ap11, 'AP40': ap40}


def kitti_average_precision(
    truth: Sequence[Annotations],
    found: Sequence[Annotations],
    classes: Sequence[str] = CLASSES,
    kinds: Sequence[str] = ('3D', 'BEV', '2D'),
) -> dict[str, float]:
    """AP in percent by name: 'KITTI/Car_3D_AP40_moderate_strict', ..., 'KITTI/Overall_3D_AP40_moderate'.

    For every class of the three that KITTI scores: '3D', 'BEV', '2D', and with the last 'AOS', its similarity of
    orientation, where labels and predictions have one; 'AP11' and 'AP40'; 'easy', 'moderate', 'hard'; 'strict' (IoU
    0.7, people 0.5) and 'loose' (0.5, 0.25; in 2D the same). Overall: the mean over these classes, strict. Beside them
    'KITTI/Car_boxes_moderate', how many labels count. As in mmdet3d, a class without any has AP 0; two cases in which
    it gives NaN or stops are numbers here: no prediction that counts at a score (precision 0), a frame without labels.

    Args:
        truth: labels of each frame, don't-care regions included (class DontCare).
        found: predictions of the same frames in the same order.
        classes: that were looked for.
        kinds: of OVERLAPS, by name.

    Raises:
        InputError: none of the classes is one that KITTI scores.
        ValueError: another number of frames on the two sides.
    """
    if len(truth) != len(found):
        raise ValueError(f'{len(truth)} labelled frames and {len(found)} with predictions; wanted the same ones')
    scored = [name for name in classes if name in CLASSES]
    if not scored:
        raise InputError(f'KITTI scores {", ".join(CLASSES)}; none of them is among the classes {", ".join(classes)}')
    labels, guesses = flattened(truth, ('truncated', 'occluded')), flattened(found, ('score',))
    numbers = {}
    for overlap in (one for one in OVERLAPS if one.name in kinds):
        numbers |= _of_overlap(overlap, labels, guesses, scored)
    counts = {
        f'KITTI/{name}_boxes_{difficulty.name}': float((truth_states(labels, name, difficulty) == COUNTS).sum())
        for name, difficulty in product(scored, DIFFICULTIES)
    }
    return numbers | _overall(numbers, scored) | counts


def _of_overlap(overlap: Overlap, truth: Boxes, found: Boxes, classes: Sequence[str]) -> dict[str, float]:
    starts, iou = overlaps(overlap.iou, found, truth, overlap.field)
    frames = (truth.starts, found.starts, starts)
    in_image = overlap.name == '2D'
    difference = _differences(truth, found)
    stuff = _shares_in_stuff(truth, found) if in_image else np.zeros(len(found.name))
    with_aos = in_image and bool((truth.alpha != -10).any() and (found.alpha != -10).any())
    numbers = {}
    for name, difficulty, (place, strictness) in product(classes, DIFFICULTIES, enumerate(STRICTNESS)):
        least = overlap.least[name][place]
        states = truth_states(truth, name, difficulty), found_states(found, name, difficulty)
        counts = _counts(frames, states, found.more['score'], (iou, least), stuff > least, difference)
        whole = counts[:, 0] + counts[:, 1]
        curves = {overlap.name: curve(counts[:, 0], whole)} | ({'AOS': curve(counts[:, 3], whole)} if with_aos else {})
        for (kind, envelope), (average, mean) in product(curves.items(), AVERAGES.items()):
            numbers[_name(name, kind, average, difficulty, strictness)] = mean(envelope)
    return numbers


def _counts(
    frames: tuple[NDArray, NDArray, NDArray],
    states: tuple[NDArray, NDArray],
    score: NDArray,
    iou: tuple[NDArray, float],
    excused: NDArray,
    difference: NDArray,
) -> NDArray[np.float64]:
    """Counts (T, 4) at the scores that the precision is looked at; iou: of the pairs, and the least that counts."""
    hits = hit_scores(frames, *states, score, *iou)
    thresholds = score_thresholds(hits, int((states[0] == COUNTS).sum()))
    return count_at(thresholds, frames, *states, score, *iou, excused, difference)


def _differences(truth: Boxes, found: Boxes) -> NDArray[np.float64]:
    """Of the observed angles of all pairs, in the order of `overlaps`."""
    pairs = zip(found.frames(), truth.frames(), strict=True)
    return np.concatenate([np.zeros(0), *((truth.alpha[g] - found.alpha[d][:, None]).reshape(-1) for d, g in pairs)])


def _shares_in_stuff(truth: Boxes, found: Boxes) -> NDArray[np.float64]:
    """(D,) share of each prediction, in the image, that lies in one don't-care region."""
    regions = truth.name == DONT_CARE
    pairs = zip(found.frames(), truth.frames(), strict=True)
    each = [share_inside(found.image[d], truth.image[g][regions[g]]) for d, g in pairs]
    return np.concatenate([np.zeros(0), *each])


def _name(kind_of_object: str, kind: str, average: str, difficulty: Difficulty, strictness: str) -> str:
    return f'KITTI/{kind_of_object}_{kind}_{average}_{difficulty.name}_{strictness}'


def _overall(numbers: Mapping[str, float], classes: Sequence[str]) -> dict[str, float]:
    """Means over the classes, where there are several."""
    found = {}
    for kind, average, difficulty in product(('3D', 'BEV', '2D', 'AOS'), AVERAGES, DIFFICULTIES):
        names = [_name(name, kind, average, difficulty, 'strict') for name in classes]
        if len(classes) > 1 and names[0] in numbers:
            found[f'KITTI/Overall_{kind}_{average}_{difficulty.name}'] = float(np.mean([numbers[one] for one in names]))
    return found
