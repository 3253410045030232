"""Sweeps with all that is known of them, for what shows them: the page (viewer.py), a Rerun file (rerun_file.py)."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

TITLE = 'Features of sweeps'
NO_CATEGORY = 255


@dataclass(frozen=True)
class ViewedFeatures:
    """What an encoder made of one sweep.

    Args:
        cell_of_point: (n,) row in what follows.
        directions: (m, W) of length 1: features between which cosines are similarities.
        colours: (m, 3) in [0, 1].
        softmaps: kind -> (m, P) shares of each of P prototypes; the same kinds, in one order, in all sweeps.
    """

    cell_of_point: NDArray[np.integer]
    directions: NDArray[np.floating]
    colours: NDArray[np.floating]
    softmaps: Mapping[str, NDArray[np.floating]] = field(default_factory=dict)


@dataclass(frozen=True)
class ViewedBox:
    """One box.

    Args:
        box: x, y, z of its centre, length, width and height in metres, yaw in rad, counter-clockwise from x.
        text: for who clicks into it.
        score: 0-1, None where it has none and is always shown.
    """

    box: tuple[float, ...]
    text: str
    score: float | None = None


@dataclass(frozen=True)
class ViewedSweep:
    """One sweep for the page.

    Args:
        name: for the reader.
        points: (n, 4) x, y, z in metres, intensity 0-1.
        features: of its points; all sweeps have them, or none.
        categories: kind, such as 'label' -> (n,) numbers in its names, what lies outside of them has none; the same
            kinds, in one order, in all sweeps.
        boxes: of each group of the page its boxes.
    """

    name: str
    points: NDArray[np.floating]
    features: ViewedFeatures | None = None
    categories: Mapping[str, NDArray[np.integer]] = field(default_factory=dict)
    boxes: Sequence[Sequence[ViewedBox]] = ()


@dataclass(frozen=True)
class Words:
    """What all sweeps of a page share.

    Args:
        title: of the page.
        prototypes: of each of the softmaps' columns `number` and `share`, how many places are nearest to it.
        categories: kind -> the names of its numbers, at most 255.
        boxes: title of each group of boxes -> its colour, 0-255.
        score: below which boxes are hidden at first.
        reach_percent: of the points are seen at first.
    """

    title: str = TITLE
    prototypes: Sequence[Mapping[str, Any]] = ()
    categories: Mapping[str, Sequence[str]] = field(default_factory=dict)
    boxes: Mapping[str, tuple[int, int, int]] = field(default_factory=dict)
    score: float = 0.0
    reach_percent: float = 92.0


def check_together(sweeps: Sequence[ViewedSweep], words: Words) -> None:
    """ValueError where sweeps do not belong together, or words are not theirs."""
    if not sweeps:
        raise ValueError('wanted one sweep or more, got none')
    found = {'features': [one.features is not None for one in sweeps]}
    found['kinds of softmaps'] = [list(one.features.softmaps) if one.features else [] for one in sweeps]
    for what, values in found.items():
        if any(value != values[0] for value in values):
            raise ValueError(f'wanted sweeps with the same {what}, got {values}')
    maps = [own for one in sweeps if one.features for own in one.features.softmaps.values()]
    if any(own.shape[1] != len(words.prototypes) for own in maps):
        raise ValueError(f'the softmaps are not those of {len(words.prototypes)} prototypes')
    for one in sweeps:
        if list(one.categories) != list(words.categories) or len(one.boxes) != len(words.boxes):
            raise ValueError(
                f'{one.name}: has categories {list(one.categories)} and {len(one.boxes)} groups of boxes, wanted '
                f'{list(words.categories)} and {len(words.boxes)}'
            )
    if long := [kind for kind, names in words.categories.items() if len(names) > NO_CATEGORY]:
        raise ValueError(f'{long[0]}: {len(words.categories[long[0]])} names, wanted at most {NO_CATEGORY}')
