"""One scan from above with predicted and true boxes."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from matplotlib.collections import LineCollection
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from numpy.typing import NDArray

from .style import COLOURS, draw_points_from_above, new_figure

TRUE_COLOUR, PREDICTED_COLOUR = '#1b9e3e', COLOURS['second']


@dataclass(frozen=True)
class FlatBoxes:
    """Boxes seen from above, LiDAR frame.

    Args:
        centre_m: (n, 2) metres.
        size_m: (n, 2) metres, length along the heading and width.
        yaw_rad: (n,).
        scores: (n,) in [0, 1], None for true boxes.
    """

    centre_m: NDArray[np.float64]
    size_m: NDArray[np.float64]
    yaw_rad: NDArray[np.float64]
    scores: NDArray[np.float64] | None = None

    def __len__(self) -> int:
        return len(self.yaw_rad)

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
        return self.select(np.sort(np.argsort(-self.scores, kind='stable')[:count]))

    def select(self, rows: NDArray) -> 'FlatBoxes':
        """Some of the boxes, by their numbers or by a mask (n,)."""
        scores = None if self.scores is None else self.scores[rows]
        return FlatBoxes(self.centre_m[rows], self.size_m[rows], self.yaw_rad[rows], scores)


def draw_boxes_from_above(
    points_m: NDArray[np.floating], truth: FlatBoxes, predictions: Mapping[str, FlatBoxes], *, reach_m: float
) -> Figure:
    """One panel per detector: points (N, 2), true boxes green, as many of the surest predicted boxes red.

    reach_m: half the width of the picture; boxes outside are left out of the count too.
    """
    truth = truth.select(truth.within(reach_m))
    figure, axes = new_figure(1, len(predictions), width_in=6.2 * len(predictions), height_in=7.3)
    for axis, (title, boxes) in zip(axes, predictions.items()):
        shown = boxes.select(boxes.within(reach_m)).surest(len(truth))
        draw_points_from_above(axis, points_m, '#9aa5ad', title=title, reach_m=reach_m, size=0.6)
        least = f', score at least {shown.scores.min():.2f}' if len(shown) else ''
        drawn = (
            (truth, TRUE_COLOUR, 1.6, f'{len(truth)} true boxes (line points ahead)'),
            (shown, PREDICTED_COLOUR, 1.1, f'{len(shown)} surest predictions{least}'),
        )
        for group, colour, width, _ in drawn:
            corners = group.corners()
            closed = np.concatenate((corners, corners[:, :1]), axis=1)
            axis.add_collection(LineCollection([*closed, *group.headings()], colors=colour, linewidths=width))
        handles = [Line2D([], [], color=colour, label=label) for _, colour, _, label in drawn]
        below = dict(loc='upper center', bbox_to_anchor=(0.5, -0.09), ncols=2, frameon=False)
        axis.legend(handles=handles, fontsize=8, **below)
    return figure
