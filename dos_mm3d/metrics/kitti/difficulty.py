"""Which boxes count at a difficulty, and which are looked over: neither an error to find them nor one to miss them."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from .boxes import Boxes

CLASSES = ('Car', 'Pedestrian', 'Cyclist')
NEIGHBOURS = {'car': 'van', 'pedestrian': 'person_sitting'}
"""Class -> the one that may be taken for it without penalty."""
COUNTS, LOOKED_OVER, OTHER = 0, 1, -1


@dataclass(frozen=True)
class Difficulty:
    """What a label must be at most, or at least, to count.

    Args:
        name: in KITTI's tables.
        min_height_px: in the image; labels must be higher, predictions at least as high.
        max_occlusion: KITTI's level, 0 to 3.
        max_truncation: share that lies outside of the image.
    """

    name: str
    min_height_px: float
    max_occlusion: int
    max_truncation: float


DIFFICULTIES = (
    Difficulty('easy', 40, 0, 0.15),
    Difficulty('moderate', 25, 1, 0.3),
    Difficulty('hard', 25, 2, 0.5),
)


def truth_states(truth: Boxes, kind: str, difficulty: Difficulty) -> NDArray[np.int8]:
    """(N,) COUNTS, LOOKED_OVER (its neighbour, or too hard) or OTHER of labels; kind: one of CLASSES."""
    own, neighbour = truth.name == kind.lower(), truth.name == NEIGHBOURS.get(kind.lower())
    too_hard = (
        (truth.more['occluded'] > difficulty.max_occlusion)
        | (truth.more['truncated'] > difficulty.max_truncation)
        | (truth.height_px <= difficulty.min_height_px)
    )
    return np.where(own & ~too_hard, COUNTS, np.where(own | neighbour, LOOKED_OVER, OTHER)).astype(np.int8)


def found_states(found: Boxes, kind: str, difficulty: Difficulty) -> NDArray[np.int8]:
    """The same of predictions. As in mmdet3d, a low one is looked over whatever its class."""
    own = found.name == kind.lower()
    too_low = np.abs(found.height_px) < difficulty.min_height_px
    return np.where(too_low, LOOKED_OVER, np.where(own, COUNTS, OTHER)).astype(np.int8)
