"""Features of one scan as colours: what lies near in feature space looks alike."""

from collections.abc import Mapping

import numpy as np
from matplotlib.figure import Figure
from numpy.typing import NDArray

from .style import new_figure, quiet

CLIP_PERCENT = 2.0


def pca_colours(features: NDArray[np.floating]) -> NDArray[np.float64]:
    """First three principal components of (N, C) features as (N, 3) colours in [0, 1].

    Channels are standardised together (a rotation of feature space changes nothing), the components stretched so that
    all but the outer 2 % of the points fit. The sign of a component is chosen so that its third moment is positive.
    Fewer than three directions leave the rest at 0.5.
    """
    centred = np.asarray(features, np.float64)
    centred = centred - centred.mean(0)
    values, vectors = np.linalg.eigh(centred.T @ centred)
    order = np.argsort(values)[::-1][:3]
    order = order[values[order] > 1e-12 * max(values.max(), 1e-300)]
    components = centred @ vectors[:, order]
    components *= np.where((components**3).sum(0) < 0, -1, 1)
    colours = np.full((len(centred), 3), 0.5)
    low, high = np.percentile(components, [CLIP_PERCENT, 100 - CLIP_PERCENT], axis=0)
    colours[:, : len(order)] = np.clip((components - low) / np.maximum(high - low, 1e-12), 0, 1)
    return colours


def draw_features_from_above(
    xy_m: NDArray[np.floating], panels: Mapping[str, NDArray[np.floating]], *, reach_m: float
) -> Figure:
    """One scan from above, one panel per kind of features.

    xy_m: (N, 2).  panels: title -> (N, 3) colours in [0, 1].  reach_m: half the width of the picture.
    """
    n_columns = min(len(panels), 3)
    n_rows = -(-len(panels) // n_columns)
    figure, axes = new_figure(n_rows, n_columns, width_in=4.3 * n_columns, height_in=4.5 * n_rows)
    for axis, (title, colours) in zip(axes, panels.items()):
        axis.scatter(xy_m[:, 0], xy_m[:, 1], c=colours, s=1.2, linewidths=0, rasterized=True)
        quiet(axis, title=title, x='x [m]', y='y [m]')
        axis.set(xlim=(-reach_m, reach_m), ylim=(-reach_m, reach_m), aspect='equal', facecolor='#101418')
        axis.grid(False)
    for axis in axes[len(panels) :]:
        axis.set_visible(False)
    return figure
