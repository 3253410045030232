"""One scan from above with predicted and true boxes."""

from collections.abc import Mapping

import numpy as np
from matplotlib.collections import LineCollection
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from mmdet3d.structures import LiDARInstance3DBoxes
from mmengine.structures import InstanceData
from numpy.typing import NDArray
from torch import Tensor

from .style import COLOURS, draw_points_from_above, new_figure

TRUE_COLOUR, PREDICTED_COLOUR = '#1b9e3e', COLOURS['second']


def within(boxes: LiDARInstance3DBoxes, reach_m: float) -> Tensor:
    """(n,) bool: whether the centre lies in the square of half width `reach_m` around the sensor."""
    return boxes.in_range_bev([-reach_m, -reach_m, reach_m, reach_m])


def surest(predictions: InstanceData, count: int) -> InstanceData:
    """The `count` predictions with the highest scores, in their order."""
    best = predictions.scores_3d.argsort(descending=True, stable=True)[:count]
    return predictions[best.sort().values]


def outlines(boxes: LiDARInstance3DBoxes) -> list[NDArray[np.float32]]:
    """Of each box the closed outline (5, 2), from its front left corner counter-clockwise, then of each the line
    (2, 2) from its centre to the middle of its front."""
    corners = boxes.corners[:, [7, 3, 0, 4, 7], :2].numpy()
    ahead = np.stack((boxes.gravity_center[:, :2].numpy(), corners[:, 3:].mean(1)), axis=1)
    return [*corners, *ahead]


def draw_boxes_from_above(
    points_m: NDArray[np.floating],
    truth: LiDARInstance3DBoxes,
    predictions: Mapping[str, InstanceData],
    *,
    reach_m: float,
) -> Figure:
    """One panel per detector: points (N, 2), true boxes green, as many of the surest predicted boxes red.

    predictions: with ``bboxes_3d`` and ``scores_3d``. reach_m: half the width of the picture; boxes outside are left
    out of the count too.
    """
    truth = truth[within(truth, reach_m)]
    figure, axes = new_figure(1, len(predictions), width_in=6.2 * len(predictions), height_in=7.3)
    for axis, (title, found) in zip(axes, predictions.items()):
        shown = surest(found[within(found.bboxes_3d, reach_m)], len(truth))
        draw_points_from_above(axis, points_m, '#9aa5ad', title=title, reach_m=reach_m, size=0.6)
        least = f', score at least {shown.scores_3d.min():.2f}' if len(shown) else ''
        drawn = (
            (truth, TRUE_COLOUR, 1.6, f'{len(truth)} true boxes (line points ahead)'),
            (shown.bboxes_3d, PREDICTED_COLOUR, 1.1, f'{len(shown)} surest predictions{least}'),
        )
        for boxes, colour, width, _ in drawn:
            axis.add_collection(LineCollection(outlines(boxes), colors=colour, linewidths=width))
        handles = [Line2D([], [], color=colour, label=label) for _, colour, _, label in drawn]
        below = dict(loc='upper center', bbox_to_anchor=(0.5, -0.09), ncols=2, frameon=False)
        axis.legend(handles=handles, fontsize=8, **below)
    return figure
