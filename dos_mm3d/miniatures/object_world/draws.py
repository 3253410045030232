"""What a grammar draws: every number of an object comes from the generator of that object."""

from collections.abc import Sequence
from typing import TypeVar

import numpy as np

Option = TypeVar('Option')


class Draws:
    """Draws of one object.

    Args:
        rng: its generator.
    """

    def __init__(self, rng: np.random.Generator) -> None:
        self.rng = rng

    def between(self, low: float, high: float) -> float:
        """A size or proportion, log-uniform."""
        return float(np.exp(self.rng.uniform(np.log(low), np.log(high))))

    def even(self, low: float, high: float) -> float:
        """An angle or a place, uniform."""
        return float(self.rng.uniform(low, high))

    def count(self, low: int, high: int) -> int:
        """A number of things, both ends included."""
        return int(self.rng.integers(low, high + 1))

    def whether(self, chance: float) -> bool:
        """Whether an optional part is there."""
        return bool(self.rng.random() < chance)

    def one_of(self, options: Sequence[Option], chances: Sequence[float] | None = None) -> Option:
        """One of some styles, by their chances or alike."""
        return options[int(self.rng.choice(len(options), p=chances))]
