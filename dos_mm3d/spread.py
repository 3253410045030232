"""A few of many, evenly spread."""

from collections.abc import Sequence
from typing import TypeVar

import numpy as np

Item = TypeVar('Item')


def evenly_spread(items: Sequence[Item], count: int) -> list[Item]:
    """``count`` of the items at equal distances, in their order; with two or more, the first and the last are among
    them. All of them where there are no more than ``count``."""
    positions = np.linspace(0, len(items) - 1, min(count, len(items))).round().astype(int)
    return [items[position] for position in positions.tolist()]
