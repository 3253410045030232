"""What a few sweeps of each sensor look like: what was mended, what looks wrong, as lines of the log."""

from dataclasses import dataclass, field

import numpy as np

from ..readers import Sweep, suffix_of
from ..readers.pcd import pcd_pose
from .fourth_column import what_else
from .geometry import suspicions
from .intensity import Levels, faintness

ALIKE = 1 / 256  # of the scale: where 98 % of the intensities differ by less, they tell no material from another


@dataclass
class _Count:
    n: int = 0
    first: str = ''


@dataclass
class Looks:
    """Counts over all sweeps that were looked at; `lines` has one for each thing that was found."""

    files: set[str] = field(default_factory=set)
    n_points: int = 0
    points: dict[str, _Count] = field(default_factory=dict)
    sweeps: dict[str, _Count] = field(default_factory=dict)

    def add(self, file: str, sweep: Sweep) -> None:
        """Note one sweep, once."""
        if file in self.files:
            return
        self.files.add(file)
        self.n_points += sweep.total
        for what, n in sweep.mended.items():
            _count(self.points, what, n, file)
        for what in (*suspicions(sweep.points), *what_else(sweep.points), *_stated_pose(file)):
            _count(self.sweeps, what, 1, file)

    def news(self, file: str, sweep: Sweep) -> list[str]:
        """What no sweep before had to be mended for, one line each; it is noted."""
        new = {what: n for what, n in sweep.mended.items() if what not in self.points}
        for what, n in new.items():
            _count(self.points, what, n, file)
        return [f'{file}: {n} of {sweep.total} points {what}; not said again' for what, n in new.items()]

    def add_intensities(self, file: str, intensity: np.ndarray, levels: Levels, scale: float) -> None:
        """Note the (n,) intensities of a sweep.

        levels: of its sensor."""
        if n_above := int((intensity > scale).sum()):
            _count(self.points, f'with an intensity above {scale:g}: it becomes 1 as {scale:g} does', n_above, file)
        low, high = np.percentile(intensity, [1, 99])
        if not intensity.any():
            _count(self.sweeps, 'all intensities 0: does the sensor give none?', 1, file)
        elif intensity.min() == intensity.max():
            _count(self.sweeps, f'all intensities {intensity[0]:g}', 1, file)
        elif what := faintness(levels, scale):
            _count(self.sweeps, what, 1, file)
        elif high - low < ALIKE * scale:
            what = f'98 % of the intensities within {ALIKE:.1%} of {scale:g}, which becomes 1: they are as good as one'
            _count(self.sweeps, what, 1, file)

    def lines(self) -> list[str]:
        """One for each thing that was found."""
        return [
            *(
                f'{c.n} of {self.n_points} points looked at {what}. The first: {c.first}'
                for what, c in self.points.items()
            ),
            *(
                f'{c.n} of {len(self.files)} sweeps looked at: {what}. The first: {c.first}'
                for what, c in self.sweeps.items()
            ),
        ]


def _stated_pose(file: str) -> list[str]:
    """What the header of a .pcd says of where the sensor was, and is not applied."""
    if suffix_of(file) != '.pcd' or not pcd_pose(file):
        return []
    return [
        'VIEWPOINT says that the sensor was elsewhere or turned; points are read as they are stored. Wanted are points '
        'seen from the sensor, z up: if these are in another frame, move them in the files'
    ]


def _count(counts: dict[str, _Count], what: str, n: int, first: str) -> None:
    count = counts.setdefault(what, _Count(first=first))
    count.n += n
