"""Which labelled scans each fit is trained on: a function of their number and a seed alone, alike for every row."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from ...errors import InputError
from ...probe.probe import ProbeSettings, draw_scans


@dataclass(frozen=True)
class Draws:
    """Draws of labelled scans.

    Args:
        sizes: name of a column -> labelled scans of a draw.
        n: draws.
        nested: whether the smaller draws are parts of the larger ones: draw i of k scans is the first k of one random
            order of all scans, and the orders of different i are independent; of all scans there is one draw only,
            whatever the order. Not nested: one size, as
            `dos_mm3d/probe/probe.py:draw_scans` draws.
        seed: of the draws.
    """

    sizes: Mapping[str, int]
    n: int
    nested: bool
    seed: int = 0

    def __post_init__(self) -> None:
        if self.n < 1 or not self.sizes or min(self.sizes.values()) < 1:
            raise InputError(f'wanted at least one draw of at least one scan, got {self.n} of {dict(self.sizes)}')
        if not self.nested and len(self.sizes) > 1:
            raise InputError(f'draws of several sizes ({dict(self.sizes)}) are nested')

    def of(self, n_scans: int) -> dict[str, list[list[int]]]:
        """Column -> scan numbers, sorted, of every draw. ValueError where nested draws want more scans than there are;
        the linear probe takes all of them then."""
        if not self.nested:
            ((name, size),) = self.sizes.items()
            return {name: draw_scans(n_scans, ProbeSettings(scans_per_draw=size, n_draws=self.n, seed=self.seed))}
        if max(self.sizes.values()) > n_scans:
            raise InputError(
                f'a draw of {max(self.sizes.values())} labelled scans was asked for, there are {n_scans}; wanted at '
                'most that many'
            )
        orders = [np.random.default_rng([self.seed, draw]).permutation(n_scans) for draw in range(self.n)]
        return {
            name: [sorted(order[:size].tolist()) for order in (orders[:1] if size == n_scans else orders)]
            for name, size in self.sizes.items()
        }


def flat(draws: Mapping[str, Sequence[Sequence[int]]]) -> list[Sequence[int]]:
    """All draws of all columns, one after the other."""
    return [draw for of_column in draws.values() for draw in of_column]
