"""Small prepared sets of objects: boxes, balls and sticks."""

from pathlib import Path

import numpy as np

from dos_mm3d.datasets.objects import ObjectSet, write_object_set

CLASSES = ('box', 'ball', 'stick')
SIZES = ((1.0, 0.7, 0.4), (0.5, 0.5, 0.5), (0.1, 0.1, 1.0))


def cloud(label: int, number: int, points: int) -> np.ndarray:
    """(points, 3) float32 on the surface of one of the three, sizes drawn."""
    random = np.random.default_rng([label, number])
    directions = random.normal(size=(points, 3))
    directions /= np.linalg.norm(directions, axis=1, keepdims=True)
    if CLASSES[label] != 'ball':
        directions /= np.abs(directions).max(1, keepdims=True)
    return (directions * SIZES[label] * random.uniform(0.7, 1.4, 3)).astype(np.float32)


def write_shapes(folder: Path, split: str = 'train', *, objects: int = 12, points: int = 700) -> ObjectSet:
    """A split with as many of each class."""
    labels = [number % 3 for number in range(objects)]
    names = [f'{CLASSES[label]}_{number}' for number, label in enumerate(labels)]
    clouds = (cloud(label, number, points) for number, label in enumerate(labels))
    return write_object_set(folder, split, clouds, labels, CLASSES, names, source=dict(format='shapes'))
