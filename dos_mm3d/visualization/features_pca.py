"""A scan from above in colours: its features, near ones alike, or the two views that teacher and student see of it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from numpy.typing import NDArray
from torch import Tensor

from ..structures import View
from .style import draw_points_from_above, new_figure

CLIP_PERCENT, REACH_PERCENT = 2.0, 95.0
DARK = '#101418'


def pca_colours(features: NDArray[np.floating], fit_rows: NDArray[np.int64] | None = None) -> NDArray[np.float64]:
    """First three principal components of (N, C) features as (N, 3) colours in [0, 1].

    fit_rows: rows that decide the components and their stretch, all by default. Turning feature space changes nothing.
    The components are stretched so that all but the outer 2 % of those rows fit; the sign of a component is chosen so
    that its third moment is positive. Fewer than three directions leave the rest at 0.5.
    """
    centred = np.asarray(features, np.float64)
    fitted = centred if fit_rows is None else centred[fit_rows]
    centred, fitted = centred - fitted.mean(0), fitted - fitted.mean(0)
    values, vectors = np.linalg.eigh(fitted.T @ fitted)
    order = np.argsort(values)[::-1][:3]
    order = order[values[order] > 1e-12 * max(values.max(), 1e-300)]
    signs = np.where(((fitted @ vectors[:, order]) ** 3).sum(0) < 0, -1, 1)
    axes = vectors[:, order] * signs
    low, high = np.percentile(fitted @ axes, [CLIP_PERCENT, 100 - CLIP_PERCENT], axis=0)
    colours = np.full((len(centred), 3), 0.5)
    colours[:, : len(order)] = np.clip((centred @ axes - low) / np.maximum(high - low, 1e-12), 0, 1)
    return colours


def one_per_cell(xy_m: NDArray[np.floating], *, cell_m: float, reach_m: float) -> NDArray[np.int64]:
    """Rows of the first point in every occupied square cell within reach: near points do not outvote the rest."""
    inside = np.flatnonzero((np.abs(xy_m) < reach_m).all(1))
    cells = np.floor(xy_m[inside] / cell_m).astype(np.int64)
    _, first = np.unique(cells, axis=0, return_index=True)
    return inside[np.sort(first)]


@dataclass(frozen=True)
class Panel:
    """A scan from above.

    Args:
        title: above it.
        xy_m: (N, 2).
        colours: (N, 3) in [0, 1].
        marks: (k, 2) places [m] with a ring around them.
    """

    title: str
    xy_m: NDArray[np.floating]
    colours: NDArray[np.floating]
    marks: NDArray[np.floating] = field(default_factory=lambda: np.empty((0, 2)))


def draw_panels(panels: Sequence[Panel], *, n_columns: int, reach_m: float) -> Figure:
    """Panels row by row; reach_m: half the width of each."""
    n_rows = -(-len(panels) // n_columns)
    figure, axes = new_figure(n_rows, n_columns, width_in=4.8 * n_columns, height_in=4.8 * n_rows + 0.6)
    for axis, panel in zip(axes, panels):
        draw_points_from_above(axis, panel.xy_m, panel.colours, title=panel.title, reach_m=reach_m, ground=DARK)
        axis.scatter(*panel.marks.T, s=60, facecolors='none', edgecolors='white', linewidths=1.2)
    for axis in axes[len(panels) :]:
        axis.set_visible(False)
    return figure


def draw_features_from_above(
    xy_m: NDArray[np.floating],
    panels: Mapping[str, NDArray[np.floating]],
    *,
    reach_m: float,
    legend: Mapping[str, object] | None = None,
) -> Figure:
    """One scan from above, one panel per kind of features, two in a row.

    xy_m: (N, 2).  panels: title -> (N, 3) colours in [0, 1].  reach_m: half the width of the picture.
    legend: name -> colour, written below the panels.
    """
    figure = draw_panels([Panel(title, xy_m, own) for title, own in panels.items()], n_columns=2, reach_m=reach_m)
    if legend:
        add_legend(figure, legend)
    return figure


def add_legend(figure: Figure, legend: Mapping[str, object]) -> None:
    """Names and colours of points, below the panels."""
    handles = [Line2D([], [], marker='o', linestyle='', color=colour, label=name) for name, colour in legend.items()]
    figure.legend(handles=handles, loc='outside lower center', ncols=6, fontsize=8, frameon=False)


def frame_around(xy_m: NDArray[np.floating]) -> tuple[NDArray[np.floating], float]:
    """Middle (2,) and half the width of a square around most of some places (N, 2): a crop lies on one side of 0, 0."""
    low, high = np.percentile(xy_m, [100 - REACH_PERCENT, REACH_PERCENT], axis=0)
    return (low + high) / 2, 1.1 * float((high - low).max()) / 2


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
        _, one_each = np.unique(view.cell_of_point.numpy(), return_index=True)
        middle_m, reach_m = frame_around(xy_m[one_each])
        own = colours[view.origin.numpy()]
        where = dict(reach_m=reach_m, middle_m=middle_m, ground=DARK)
        draw_points_from_above(whole, xy_m, own, title=f'{title}, whole: teacher', **where)
        draw_points_from_above(masked, xy_m[visible], own[visible], title=f'{title}, masked: student', **where)
    return figure
