"""Two views of one scan from above: what the teacher sees, and what the mask leaves to the student."""

import numpy as np
from matplotlib.figure import Figure
from torch import Tensor

from ..structures import View
from .features_pca import draw_points_from_above, pca_colours
from .style import new_figure

REACH_PERCENT = 95.0


def draw_views_from_above(raw_points: Tensor, views: dict[str, View]) -> Figure:
    """Each view twice, side by side: whole, and its visible part.

    Args:
        raw_points: (N, C) the scan, x, y, z in metres first; a point has one colour, of its place here, in all panels.
        views: title -> view of that scan.
    """
    shown = np.unique(np.concatenate([view.origin.numpy() for view in views.values()]))
    colours = pca_colours(raw_points[:, :3].numpy(), shown)
    figure, axes = new_figure(1, 2 * len(views), width_in=5.6 * len(views), height_in=3.1)
    for (title, view), whole, masked in zip(views.items(), axes[::2], axes[1::2]):
        xy_m, visible = view.points[:, :2].numpy(), view.visible[view.cell_of_point].numpy()
        reach_m = float(np.percentile(np.abs(xy_m), REACH_PERCENT))
        own = colours[view.origin.numpy()]
        draw_points_from_above(whole, xy_m, own, title=f'{title}, whole: teacher', reach_m=reach_m)
        draw_points_from_above(masked, xy_m[visible], own[visible], title=f'{title}, masked: student', reach_m=reach_m)
    return figure
