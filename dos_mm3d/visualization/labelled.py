"""A labelled scan from above: its points in the colours of their classes, its boxes with their names."""

from collections.abc import Sequence

import matplotlib
import numpy as np
from matplotlib.collections import LineCollection
from matplotlib.figure import Figure
from mmdet3d.structures import LiDARInstance3DBoxes
from numpy.typing import NDArray

from .boxes_bev import outlines
from .features_pca import add_legend
from .style import draw_points_from_above, new_figure

UNLABELLED = (0.72, 0.75, 0.78)


def class_colours(count: int) -> NDArray[np.float64]:
    """(count, 3) colours of classes, neighbours in the list unlike each other."""
    hues = np.arange(count) * 0.618034 % 1
    values = np.where(np.arange(count) % 2, 0.65, 0.9)
    return matplotlib.colors.hsv_to_rgb(np.stack((hues, np.full(count, 0.8), values), axis=1))


def draw_labelled(
    points_m: NDArray[np.floating],
    classes: Sequence[str],
    *,
    labels: NDArray[np.integer] | None = None,
    boxes: LiDARInstance3DBoxes | None = None,
    box_labels: NDArray[np.integer] | None = None,
    title: str = '',
    reach_m: float,
) -> Figure:
    """Points (N, >= 2), with labels (N,), and boxes (n) with theirs (n,): 0 ... K - 1, all others are ignored."""
    colours, used = class_colours(len(classes)), []
    of_points = np.tile(UNLABELLED, (len(points_m), 1))
    if labels is not None:
        known = (labels >= 0) & (labels < len(classes))
        of_points[known] = colours[labels[known]]
        used.append(labels[known])
    figure, (axis,) = new_figure(1, 1, width_in=8, height_in=8.6)
    draw_points_from_above(axis, points_m[:, :2], of_points, title=title, reach_m=reach_m, size=1.5)
    if boxes is not None and len(boxes):
        known = (box_labels >= 0) & (box_labels < len(classes))
        of_boxes = np.tile(UNLABELLED, (len(boxes), 1))
        of_boxes[known] = colours[box_labels[known]]
        # the outlines of all come first, then a line ahead for each
        axis.add_collection(LineCollection(outlines(boxes), colors=np.tile(of_boxes, (2, 1)), linewidths=1.4))
        used.append(box_labels[known])
    if used:
        shown = np.unique(np.concatenate(used))
        add_legend(figure, {classes[number]: colours[number] for number in shown})
    return figure
