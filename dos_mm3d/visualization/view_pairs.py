"""What is hidden of two views of a scan, what is compared in them, and which loss voxels correspond."""

from collections.abc import Mapping

import numpy as np
import torch
from matplotlib.collections import LineCollection, PatchCollection
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from numpy.typing import NDArray
from torch import Tensor

from ..structures import Grid, View, ViewPair
from .features_pca import REACH_PERCENT, add_legend
from .style import COLOURS, new_figure, quiet

KINDS = {
    'hidden from the student': '#c3c8cd',
    'visible, partner in the other view': COLOURS['main'],
    'visible, no partner': COLOURS['second'],
}
LINES = 80


def centres_m(cells: Tensor, grid: Grid) -> NDArray[np.float64]:
    """Loss voxels (m, 3) z, y, x -> x, y of their centres (m, 2) in metres."""
    size = torch.tensor(grid.loss_voxel_size_m, dtype=torch.float64)
    zyx = (cells.double() + 0.5) * size + torch.tensor(grid.range_min_m[::-1], dtype=torch.float64)
    return zyx[:, [2, 1]].numpy()


def kinds_of(view: View, partner: Tensor) -> NDArray[np.int64]:
    """(m,) number in `KINDS` of each loss voxel. partner: (m,) row in the other view, -1 where there is none."""
    return torch.where(view.visible, torch.where(partner >= 0, 1, 2), 0).numpy()


def draw_pair(pair: ViewPair, grid: Grid, *, seed: int = 0) -> Figure:
    """Loss voxels of both views from above, and lines between some that correspond.

    A square shows all loss voxels of a column: a visible one, if there is one.
    grid: of the model, which cut the views.  seed: which correspondences are drawn.
    """
    figure, axes = new_figure(1, 3, width_in=15, height_in=5.6)
    sides = {'View a': (pair.a, pair.a_to_b), 'View b': (pair.b, pair.b_to_a)}
    reach_m = max(
        float(np.percentile(np.abs(centres_m(view.cells, grid)), REACH_PERCENT)) for view, _ in sides.values()
    )
    for axis, (title, (view, partner)) in zip(axes, sides.items()):
        kinds, xy_m = kinds_of(view, partner), centres_m(view.cells, grid)
        _draw_squares(axis, xy_m, kinds, grid, reach_m)
        counts = f'{len(view.points)} points, {len(kinds)} loss voxels, {np.mean(kinds > 0):.0%} visible'
        quiet(axis, title=f'{title}: {counts}', x='x [m]', y='y [m]')
    _draw_correspondences(axes[2], pair, grid, reach_m, np.random.default_rng(seed))
    add_legend(figure, KINDS)
    return figure


def _draw_squares(axis, xy_m: NDArray, kinds: NDArray, grid: Grid, reach_m: float) -> None:
    _, height, width = grid.loss_voxel_size_m
    for number, colour in enumerate(KINDS.values()):  # what is visible lies above what is hidden
        corners = np.unique(xy_m[kinds == number], axis=0) - (width / 2, height / 2)
        axis.add_collection(
            PatchCollection([Rectangle(corner, width, height) for corner in corners], color=colour, linewidth=0)
        )
    axis.set(xlim=(-reach_m, reach_m), ylim=(-reach_m, reach_m), aspect='equal')


def _draw_correspondences(axis, pair: ViewPair, grid: Grid, reach_m: float, generator: np.random.Generator) -> None:
    """View b to the right of view a; LINES of the visible loss voxels of a that have a partner, spread at random."""
    shift = np.array([2.1 * reach_m, 0])
    places = centres_m(pair.a.cells, grid), centres_m(pair.b.cells, grid) + shift
    for xy_m, middle in zip(places, (0, shift[0])):
        inside = (np.abs(xy_m - (middle, 0)) < reach_m).all(1)
        axis.scatter(*xy_m[inside].T, s=1.5, color='#aab2b9', linewidths=0)
    matched = (pair.a.visible & (pair.a_to_b >= 0)).numpy()
    starts, ends = places[0], places[1][pair.a_to_b.numpy()]
    shown = matched & (np.abs(starts) < reach_m).all(1) & (np.abs(ends - shift) < reach_m).all(1)
    rows = np.flatnonzero(shown)
    rows = generator.choice(rows, min(LINES, len(rows)), replace=False)
    lines = LineCollection(np.stack((starts[rows], ends[rows]), 1), linewidths=0.6, cmap='turbo', array=starts[rows, 1])
    axis.add_collection(lines)
    title = f'visible in a, with a partner in b: {len(rows)} of {matched.sum()}'
    quiet(axis, title=title, x='x [m], view b moved to the right', y='y [m]')
    axis.set(xlim=(-reach_m, 3.1 * reach_m), ylim=(-reach_m, reach_m), aspect='equal')


def pair_counts(pair: ViewPair) -> Mapping[str, int]:
    """What a draw holds, in numbers."""
    matched = pair.a.visible & (pair.a_to_b >= 0)
    return {
        'points': len(pair.a.points) + len(pair.b.points),
        'loss voxels': len(pair.a.cells) + len(pair.b.cells),
        'visible': int(pair.a.visible.sum() + pair.b.visible.sum()),
        'visible of a with a partner': int(matched.sum()),
    }
