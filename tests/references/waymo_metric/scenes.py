"""Random boxes for the Waymo metric: realistic ones, and the cases in which two implementations may part."""

from collections.abc import Callable

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from dos_mm3d.metrics.waymo import waymo_difficulty

Side = dict[str, NDArray]
SIZES_M = np.array([[4.6, 2.1, 1.7], [0.9, 0.85, 1.75], [0.6, 0.6, 0.8], [1.8, 0.8, 1.75]])  # by type
TYPE_SHARES = (0.6, 0.25, 0.1, 0.05)
RANGE_M = 75.0
FRAMES_APART = 1000  # more than a scene has


def realistic_frames(generator: Generator, frames: int, truths: int, predictions: int) -> tuple[Side, Side]:
    """About `truths` labelled boxes and `predictions` predicted ones a frame: (prediction, ground truth).

    Two thirds of the predictions lie at labelled boxes, up to a few each, the better the higher their score.
    """
    count = frames * truths
    truth = labelled(generator, np.repeat(np.arange(frames), truths), random_boxes(generator, count))
    at = generator.integers(0, len(truth['frame']), frames * predictions * 2 // 3)
    score = generator.random(len(at))
    near = disturbed(generator, truth['box'][at], (1.05 - score) * 0.4)
    stray = frames * predictions - len(at)
    box, kind = random_boxes(generator, stray)
    prediction = predicted(
        generator,
        np.concatenate([truth['frame'][at], generator.integers(0, frames, stray)]),
        (np.concatenate([near, box]), np.concatenate([truth['type'][at], kind])),
        np.concatenate([score, 0.6 * generator.random(stray)]),
    )
    return prediction, truth


def ties(generator: Generator) -> tuple[Side, Side]:
    """Equal boxes on both sides, scores on the cutoffs and equal to each other, headings that differ.

    No prediction is a true box with another width alone: where edges of turned boxes coincide in part, the official op
    (1.6.7) aborts or finds an IoU that is far off; a millimetre beside it is right.
    """
    prediction, truth = realistic_frames(generator, 2, 12, 30)
    truth = joined(truth, rows(truth, generator.integers(0, len(truth['frame']), 12)))
    truth['difficulty'] = generator.integers(1, 3, len(truth['frame']))
    square = generator.random(len(truth['frame'])) < 0.5  # turned by a right angle, a square stays where it is
    truth['box'][square, 4] = truth['box'][square, 3]
    again = generator.integers(0, len(truth['frame']), 40)
    same = predicted(
        generator, truth['frame'][again], (truth['box'][again].copy(), truth['type'][again]), generator.random(40)
    )
    same['box'][:, 6] += generator.choice([0, np.pi / 2, np.pi], 40)
    prediction = joined(prediction, same)
    prediction['score'] = (generator.integers(0, 101, len(prediction['score'])) * 0.01).astype(np.float32)
    return prediction, truth


def boundary(generator: Generator) -> tuple[Side, Side]:
    """IoUs of exactly 0.7 and 0.5 and a rounding step beside them, and centres exactly on the edges of the ranges."""
    count = 60
    kind = generator.integers(1, 5, count)
    centre = np.array([[18, 24, 0], [30, 40, 0], [0, 30, 0], [-50, 0, 0], [7, -9, 1]], float)
    box = np.zeros((count, 7))
    box[:, :3] = centre[generator.integers(0, len(centre), count)]
    # a box and itself shifted by s along its length l: (l - s) / (l + s), 14 / 20 for 17 and 3, 2 / 4 for 3 and 1
    length, shift = np.where(kind == 1, 17, 3).astype(float), np.where(kind == 1, 3, 1).astype(float)
    box[:, 3:6] = np.column_stack([length, np.full(count, 2.0), np.full(count, 1.5)])
    box[:, 6] = generator.choice([0, np.pi / 2, np.pi, 0.3], count)
    moved = box.copy()
    moved[:, :2] += shift[:, None] * np.column_stack([np.cos(box[:, 6]), np.sin(box[:, 6])])
    step = generator.integers(-1, 2, count)
    moved[:, 0] = np.nextafter(moved[:, 0].astype(np.float32), np.where(step < 0, -np.inf, np.inf).astype(np.float32))
    moved[step == 0, 0] = (box[:, 0] + shift * np.cos(box[:, 6]))[step == 0]
    frame = np.arange(count)  # one pair a frame: which boxes match is not what is asked here
    return predicted(generator, frame, (moved, kind), generator.random(count)), labelled(generator, frame, (box, kind))


def empty(generator: Generator) -> tuple[Side, Side]:
    """Frames without predictions, frames without ground truth, and now and then a whole side missing."""
    prediction, truth = realistic_frames(generator, 4, 6, 9)
    keep_prediction, keep_truth = generator.integers(0, 2, (2, 4)).astype(bool)
    return rows(prediction, keep_prediction[prediction['frame']]), rows(truth, keep_truth[truth['frame']])


def degenerate(generator: Generator) -> tuple[Side, Side]:
    """Boxes of no or of boundless size, and headings far outside one turn."""
    prediction, truth = realistic_frames(generator, 2, 15, 30)
    for side in (prediction, truth):
        few = np.flatnonzero(generator.random(len(side['frame'])) < 0.3)
        side['box'][few, 3 + generator.integers(0, 3, len(few))] = generator.choice([0, -1, 0.01, 0.011, 1e6], len(few))
        side['box'][:, 6] += 2 * np.pi * generator.integers(-3, 4, len(side['frame']))
    return prediction, truth


def crowded(generator: Generator) -> tuple[Side, Side]:
    """Boxes that overlap several others, so that the best sum of IoUs is not what a greedy matching finds."""
    frames, truths, predictions = 2, 25, 60
    kind = generator.integers(1, 5, frames * truths)
    box = random_boxes(generator, frames * truths)[0]
    box[:, 3:6] = 3
    box[:, :3] = np.array([20, 20, 0]) + generator.normal(0, 1.2, (len(box), 3))
    truth = labelled(generator, np.repeat(np.arange(frames), truths), (box, kind))
    at = generator.integers(0, len(truth['frame']), frames * predictions)
    near = disturbed(generator, truth['box'][at], np.full(len(at), 0.4))
    return predicted(generator, truth['frame'][at], (near, truth['type'][at]), generator.random(len(at))), truth


def realistic(generator: Generator) -> tuple[Side, Side]:
    """Three frames as a detector leaves them."""
    return realistic_frames(generator, 3, 25, 60)


KINDS: tuple[Callable[[Generator], tuple[Side, Side]], ...] = (realistic, ties, boundary, empty, degenerate, crowded)


def random_scenes(count: int, seed: int) -> list[tuple[Side, Side]]:
    """(prediction, ground truth) of `count` scenes, the kinds in turn; rows of all frames shuffled into one another."""
    scenes = []
    for number in range(count):
        generator = np.random.default_rng((seed, number))
        sides = KINDS[number % len(KINDS)](generator)
        scenes.append(tuple(rows(side, generator.permutation(len(side['frame']))) for side in sides))
    return scenes


def pooled(scenes: list[tuple[Side, Side]]) -> tuple[Side, Side]:
    """All scenes as one evaluation, every frame a frame of its own."""
    sides = []
    for side in (0, 1):
        apart = [{**scene[side], 'frame': scene[side]['frame'] + FRAMES_APART * n} for n, scene in enumerate(scenes)]
        sides.append(joined(*apart))
    return tuple(sides)


def random_boxes(generator: Generator, count: int) -> tuple[NDArray, NDArray]:
    """Boxes (count, 7) within RANGE_M and their types."""
    kind = generator.choice(4, count, p=TYPE_SHARES) + 1
    size = SIZES_M[kind - 1] * generator.uniform(0.8, 1.3, (count, 3))
    place = np.column_stack([generator.uniform(-RANGE_M, RANGE_M, (count, 2)), generator.normal(0, 0.5, count)])
    return np.column_stack([place, size, generator.uniform(-np.pi, np.pi, count)]), kind


def disturbed(generator: Generator, box: NDArray, by: NDArray) -> NDArray:
    """Boxes moved, resized and turned by about the share `by` (N,) of their size; one in twenty faces backwards."""
    moved = box.copy()
    moved[:, :3] += generator.normal(0, 0.3, (len(box), 3)) * by[:, None] * box[:, 3:6]
    moved[:, 3:6] *= np.exp(generator.normal(0, 0.3, (len(box), 3)) * by[:, None])
    moved[:, 6] += generator.normal(0, 0.3, len(box)) * by + np.pi * (generator.random(len(box)) < 0.05)
    return moved


def labelled(generator: Generator, frame: NDArray, boxes: tuple[NDArray, NDArray]) -> Side:
    """Ground truth with random points and annotated levels; boxes without points are left out."""
    count = len(frame)
    n_points = np.where(generator.random(count) < 0.1, 0, generator.geometric(0.05, count))
    difficulty, counts = waymo_difficulty(generator.choice(3, count, p=(0.8, 0.1, 0.1)), n_points)
    return rows({'frame': frame, 'box': boxes[0], 'type': boxes[1], 'difficulty': difficulty}, counts)


def predicted(generator: Generator, frame: NDArray, boxes: tuple[NDArray, NDArray], score: NDArray) -> Side:
    """Predictions, one in ten in a no-label zone."""
    in_zone = generator.random(len(frame)) < 0.1
    score = score.astype(np.float32)
    return {'frame': frame, 'box': boxes[0], 'type': boxes[1], 'score': score, 'overlap_nlz': in_zone}


def rows(side: Side, chosen: NDArray) -> Side:
    """Some rows of every array."""
    return {name: array[chosen] for name, array in side.items()}


def joined(*sides: Side) -> Side:
    """The rows of all, one after the other."""
    return {name: np.concatenate([side[name] for side in sides]) for name in sides[0]}
