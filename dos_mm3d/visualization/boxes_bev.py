"""One scan from above with predicted and true boxes."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from matplotlib.collections import LineCollection
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from numpy.typing import NDArray

from .style import COLOURS, new_figure, quiet

TRUE_COLOUR, PREDICTED_COLOUR = '#1b9e3e', COLOURS['second']


@dataclass(frozen=True)
class FlatBoxes:
    """Boxes seen from above, LiDAR frame.

    centre_m: (n, 2).  size_m: (n, 2) length along the heading, width.  yaw_rad: (n,).  names: class names.
    scores: (n,) in [0, 1], None for true boxes.
    """

    centre_m: NDArray[np.float64]
    size_m: NDArray[np.float64]
    yaw_rad: NDArray[np.float64]
    names: Sequence[str]
    scores: NDArray[np.float64] | None = None

    def corners(self) -> NDArray[np.float64]:
        """(n, 4, 2) corners, starting front left, counter-clockwise."""
        signs = np.array([[1, 1], [-1, 1], [-1, -1], [1, -1]]) / 2
        local = signs[None] * self.size_m[:, None]
        cos, sin = np.cos(self.yaw_rad), np.sin(self.yaw_rad)
        turn = np.stack((np.stack((cos, -sin), -1), np.stack((sin, cos), -1)), -2)
        return local @ turn.transpose(0, 2, 1) + self.centre_m[:, None]

    def headings(self) -> NDArray[np.float64]:
        """(n, 2, 2) line from each centre to the middle of its front."""
        ahead = np.stack((np.cos(self.yaw_rad), np.sin(self.yaw_rad)), -1) * self.size_m[:, :1] / 2
        return np.stack((self.centre_m, self.centre_m + ahead), 1)

    def within(self, reach_m: float) -> NDArray[np.bool_]:
        """(n,) whether the centre lies in the square of half width `reach_m` around the sensor."""
        return (np.abs(self.centre_m) < reach_m).all(1)

    def surest(self, count: int) -> 'FlatBoxes':
        """The `count` boxes with the highest scores; ValueError for true boxes, which have none."""
        if self.scores is None:
            raise ValueError('true boxes have no scores to sort by')
        keep = np.zeros(len(self.scores), bool)
        keep[np.argsort(-self.scores, kind='stable')[:count]] = True
        return self.select(keep)

    def select(self, keep: NDArray[np.bool_]) -> 'FlatBoxes':
        """The boxes where keep (n,) is true."""
        names = [name for name, kept in zip(self.names, keep) if kept]
        scores = None if self.scores is None else self.scores[keep]
        return FlatBoxes(self.centre_m[keep], self.size_m[keep], self.yaw_rad[keep], names, scores)


def draw_boxes_from_above(
    points_m: NDArray[np.floating], truth: FlatBoxes, predictions: Mapping[str, FlatBoxes], *, reach_m: float
) -> Figure:
    """One panel per detector: points (N, 2), true boxes green, as many of the surest predicted boxes red.

    reach_m: half the width of the picture; boxes outside are left out of the count too.
    """
    truth = truth.select(truth.within(reach_m))
    figure, axes = new_figure(1, len(predictions), width_in=6.2 * len(predictions), height_in=7.3)
    for axis, (title, boxes) in zip(axes, predictions.items()):
        shown = boxes.select(boxes.within(reach_m)).surest(len(truth.names))
        axis.scatter(points_m[:, 0], points_m[:, 1], s=0.6, c='#9aa5ad', linewidths=0, rasterized=True)
        _outline(axis, truth, TRUE_COLOUR, width=1.6)
        _outline(axis, shown, PREDICTED_COLOUR, width=1.1)
        quiet(axis, title=title, x='x [m]', y='y [m]')
        axis.set(xlim=(-reach_m, reach_m), ylim=(-reach_m, reach_m), aspect='equal')
        axis.grid(False)
        handles = _legend(truth, shown)
        axis.legend(
            handles=handles, fontsize=8, loc='upper center', bbox_to_anchor=(0.5, -0.09), ncols=2, frameon=False
        )
    return figure


def _legend(truth: FlatBoxes, shown: FlatBoxes) -> list[Line2D]:
    least = f', score at least {shown.scores.min():.2f}' if len(shown.names) else ''
    return [
        Line2D([], [], color=TRUE_COLOUR, label=f'{len(truth.names)} true boxes (line points ahead)'),
        Line2D([], [], color=PREDICTED_COLOUR, label=f'{len(shown.names)} surest predictions{least}'),
    ]


def _outline(axis, boxes: FlatBoxes, colour: str, *, width: float) -> None:
    corners = boxes.corners()
    closed = np.concatenate((corners, corners[:, :1]), axis=1)
    axis.add_collection(LineCollection([*closed, *boxes.headings()], colors=colour, linewidths=width))
