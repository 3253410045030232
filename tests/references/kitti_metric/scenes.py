"""Random frames as KITTI labels them, predictions about them, and the cases in which two implementations may part."""

from collections.abc import Callable

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

Frame = dict[str, NDArray]
Scene = tuple[list[Frame], list[Frame]]
"""Labels and predictions of the same frames, in the form of `dos_mm3d.metrics.kitti.boxes.Annotations`; few of each, as
the simulator is slow."""
SIZES_M = {  # length, height, width
    'Car': (3.9, 1.5, 1.6),
    'Van': (5.0, 2.1, 1.9),
    'Pedestrian': (0.8, 1.75, 0.65),
    'Person_sitting': (0.8, 1.3, 0.6),
    'Cyclist': (1.76, 1.73, 0.6),
    'Truck': (10.0, 3.2, 2.6),
}
SHARES = (0.45, 0.1, 0.2, 0.05, 0.15, 0.05)
IMAGE = np.array([1242.0, 375.0])
FOCAL_PX, CENTRE_PX = 721.5, np.array([609.6, 172.9])
FIELDS = ('name', 'truncated', 'occluded', 'alpha', 'bbox', 'dimensions', 'location', 'rotation_y')


def realistic(generator: Generator) -> Scene:
    """As a detector leaves them: most labels found, the surer the better, others strays."""
    return several(generator, frames=2, objects=5, spread_m=70.0)


def crowded(generator: Generator) -> Scene:
    """Boxes that overlap several others of either side."""
    return several(generator, frames=2, objects=5, spread_m=9.0)


def borders(generator: Generator) -> Scene:
    """Heights, truncations and occlusions on the very limits of the difficulties."""
    truth, found = realistic(generator)
    for frame in truth:
        n = len(frame['name'])
        frame['truncated'] = generator.choice([0.0, 0.15, 0.16, 0.3, 0.31, 0.5, 0.51], n)
        frame['occluded'] = generator.integers(0, 4, n).astype(float)
        limit_heights(generator, frame)
    for frame in found:
        limit_heights(generator, frame)
    return truth, found


def ties(generator: Generator) -> Scene:
    """Few different scores, each prediction twice."""
    truth, found = realistic(generator)
    for frame in found:
        for name in frame:
            frame[name] = np.concatenate([frame[name], frame[name]])
        frame['score'] = generator.integers(1, 5, len(frame['score'])) / 5
    return truth, found


def stuff(generator: Generator) -> Scene:
    """Don't-care regions over most of the image, with predictions in and about them."""
    truth, found = realistic(generator)
    return [with_regions(generator, frame, 4, np.array([500.0, 200.0])) for frame in truth], found


def sparse(generator: Generator) -> Scene:
    """Frames without predictions, frames without labels, and classes without any; the first frame has labels, since
    mmdet3d looks at the angle of its first."""
    truth, found = several(generator, frames=3, objects=5, spread_m=70.0)
    truth[1] = rows(truth[1], np.zeros(len(truth[1]['name']), bool))
    found[2] = rows(found[2], np.zeros(len(found[2]['name']), bool))
    return truth, [rows(frame, frame['name'] != 'Cyclist') for frame in found]


KINDS: tuple[Callable[[Generator], Scene], ...] = (realistic, crowded, borders, ties, stuff, sparse)


def random_scenes(count: int, seed: int) -> list[Scene]:
    """The kinds in turn; scene i is a function of (seed, i)."""
    return [KINDS[i % len(KINDS)](np.random.default_rng([seed, i])) for i in range(count)]


def several(generator: Generator, frames: int, objects: int, spread_m: float) -> Scene:
    """Labelled frames and their predictions; spread_m: how far apart, in depth, the objects are."""
    truth = [labelled(generator, int(generator.integers(1, objects + 1)), spread_m) for _ in range(frames)]
    found = [predicted(generator, frame, spread_m) for frame in truth]
    return [with_regions(generator, frame, 1, np.array([150.0, 60.0])) for frame in truth], found


def labelled(generator: Generator, count: int, spread_m: float) -> Frame:
    """Objects on the road before the camera."""
    name = generator.choice(list(SIZES_M), count, p=SHARES)
    ahead = generator.uniform(5, 5 + spread_m, count)
    place = np.stack([ahead * generator.uniform(-0.7, 0.7, count), generator.normal(1.65, 0.1, count), ahead], axis=1)
    size = np.array([SIZES_M[one] for one in name]) * generator.normal(1, 0.07, (count, 3))
    frame = boxes(name, place, size, generator.uniform(-np.pi, np.pi, count))
    frame['truncated'] = generator.choice([0.0, 0.1, 0.25, 0.4, 0.8], count, p=[0.6, 0.1, 0.1, 0.1, 0.1])
    frame['occluded'] = generator.choice(4, count, p=[0.5, 0.25, 0.15, 0.1]).astype(float)
    return frame


def predicted(generator: Generator, truth: Frame, spread_m: float) -> Frame:
    """Up to two predictions of each label, and strays."""
    at = generator.integers(0, len(truth['name']), 2 * len(truth['name']))
    score = generator.random(len(at))
    noise = (1.05 - score)[:, None] * generator.normal(0, 1, (len(at), 7))
    near = boxes(
        truth['name'][at],
        truth['location'][at] + noise[:, :3] * [0.25, 0.1, 0.25],
        truth['dimensions'][at] * np.exp(0.08 * noise[:, 3:6]),
        truth['rotation_y'][at] + 0.2 * noise[:, 6],
    )
    # taken for another class now and then, and often enough for a neighbour's
    names = np.array(['Car', 'Pedestrian', 'Cyclist'])
    neighbours = {'Van': 'Car', 'Person_sitting': 'Pedestrian', 'Truck': 'Car'}
    near['name'] = np.array([neighbours.get(str(one), str(one)) for one in near['name']])
    near['name'] = np.where(generator.random(len(at)) < 0.05, generator.choice(names, len(at)), near['name'])
    strays = labelled(generator, int(generator.integers(1, 4)), spread_m)
    strays['name'] = generator.choice(names, len(strays['name']))
    frame = {name: np.concatenate([near[name], strays[name]]) for name in FIELDS}
    return {**frame, 'score': np.concatenate([score, 0.6 * generator.random(len(strays['name']))])}


def boxes(name: NDArray, place: NDArray, size: NDArray, turn: NDArray) -> Frame:
    """All fields but the score of boxes in the camera's frame; neither truncated nor occluded."""
    corners = np.stack(np.meshgrid([-0.5, 0.5], [-1.0, 0.0], [-0.5, 0.5], indexing='ij'), -1).reshape(8, 3)
    local = corners[None] * size[:, None]
    cos, sin = np.cos(turn)[:, None], np.sin(turn)[:, None]
    x, z = cos * local[..., 0] + sin * local[..., 2], cos * local[..., 2] - sin * local[..., 0]
    points = np.stack([x, local[..., 1], z], -1) + place[:, None]
    pixels = FOCAL_PX * points[..., :2] / np.maximum(points[..., 2:], 0.1) + CENTRE_PX
    image = np.concatenate([pixels.min(1), pixels.max(1)], 1).clip(0, np.tile(IMAGE, 2))
    return {
        'name': np.asarray(name, str),
        'truncated': np.zeros(len(name)),
        'occluded': np.zeros(len(name)),
        'alpha': turn - np.arctan2(place[:, 0], place[:, 2]),
        'bbox': image,
        'dimensions': size,
        'location': place,
        'rotation_y': turn,
    }


def with_regions(generator: Generator, frame: Frame, count: int, size_px: NDArray) -> Frame:
    """The frame with don't-care regions behind its labels."""
    corner = generator.uniform(0, IMAGE - size_px / 2, (count, 2))
    image = np.concatenate([corner, np.minimum(corner + size_px * generator.uniform(0.3, 1, (count, 2)), IMAGE)], 1)
    regions = {
        'name': np.full(count, 'DontCare'),
        'truncated': np.full(count, -1.0),
        'occluded': np.full(count, -1.0),
        'alpha': np.full(count, -10.0),
        'bbox': image,
        'dimensions': np.full((count, 3), -1.0),
        'location': np.full((count, 3), -1000.0),
        'rotation_y': np.full(count, -10.0),
    }
    return {name: np.concatenate([frame[name], regions[name]]) for name in FIELDS}


def limit_heights(generator: Generator, frame: Frame) -> None:
    """Give half the boxes a height in the image of exactly a limit, or a hair more."""
    few = generator.random(len(frame['name'])) < 0.5
    height = generator.choice([25.0, 25.5, 40.0, 40.5], len(few))
    frame['bbox'] = frame['bbox'].copy()
    frame['bbox'][few, 1] = 100.0
    frame['bbox'][few, 3] = 100.0 + height[few]


def rows(frame: Frame, kept: NDArray) -> Frame:
    """Some boxes of a frame."""
    return {name: values[kept] for name, values in frame.items()}
