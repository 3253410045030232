"""Curves of a pretraining run: losses, collapse monitors, and how often each prototype is used."""

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import NDArray

from ..errors import InputError
from .style import COLOURS, new_figure, quiet

Series = Mapping[str, Sequence[float]]
"""Steps and values of one scalar: {'step': [...], 'value': [...]}."""

LOSS_NAMES = {'loss': 'total', 'loss_same': 'same view', 'loss_cross': 'other view'}
MONITORS = {
    'effective_rank': ('effective rank of the head', 'rank (1 = collapsed)', 8.0),
    'cosine_std': ('spread of the cosines to the prototypes', 'standard deviation (0 = collapsed)', 0.18),
    'prototypes_used': ('prototypes in use', 'share of all prototypes', 0.6),
    'largest_usage': ('most used prototype', 'share of points (1 = it takes all)', None),
    'feature_spread': ('spread of the features', 'sd x sqrt(D) (0 = constant)', None),
    'column_entropy': ('entropy of the targets', 'H / log N (1 = uniform)', None),
    'cls_marginal_entropy': ('entropy of the mean CLS target', 'H / log Z (0 = one category)', None),
    'cls_posterior_entropy': ('mean entropy of the CLS targets', 'H / log Z (1 = uniform)', None),
    'patch_marginal_entropy': ('entropy of the mean patch target', 'H / log Z (0 = one category)', None),
    'patch_posterior_entropy': ('mean entropy of the patch targets', 'H / log Z (1 = uniform)', None),
}
"""Scalar -> title, y label, and what docs/method.md, "Monitors", calls healthy (None: no such figure)."""


def draw_losses(losses: Mapping[str, Series], learning_rate: Series | None = None) -> Figure:
    """Loss terms over steps, and below it the learning rate where given."""
    figure, axes = new_figure(1, 2 if learning_rate else 1, width_in=9 if learning_rate else 5, height_in=3.2)
    for (name, series), colour in zip(losses.items(), (COLOURS['main'], COLOURS['second'], COLOURS['grey'])):
        axes[0].plot(series['step'], series['value'], color=colour, label=LOSS_NAMES.get(name, name), linewidth=1.4)
    quiet(axes[0], title='Loss (not a measure of progress)', x='optimiser step', y='KL divergence [nat]')
    axes[0].set_ylim(bottom=0)
    axes[0].legend(fontsize=8, frameon=False)
    if learning_rate:
        axes[1].plot(learning_rate['step'], learning_rate['value'], color=COLOURS['main'], linewidth=1.4)
        quiet(axes[1], title='Learning rate', x='optimiser step', y='learning rate')
    return figure


def draw_monitors(scalars: Mapping[str, Series], limits: Mapping[str, float] | None = None) -> Figure:
    """The collapse monitors that were logged, each against the figure that is called healthy.

    limits: {scalar: value} at which a run is stopped, drawn where given.
    """
    shown = [name for name in MONITORS if name in scalars]
    if not shown:
        raise InputError(f'no collapse monitor among {sorted(scalars)}; wanted one of {list(MONITORS)}')
    n_rows = (len(shown) + 1) // 2
    figure, axes = new_figure(n_rows, 2, width_in=9, height_in=2.9 * n_rows)
    for axis, name in zip(axes, shown):
        title, label, healthy = MONITORS[name]
        values = np.asarray(scalars[name]['value'], dtype=np.float64)
        axis.plot(scalars[name]['step'], values, color=COLOURS['main'], linewidth=1.4)
        marks = []
        if healthy is not None:
            marks.append((healthy, f'healthy after 1 000 steps: above {healthy:g}', COLOURS['third']))
        if name in (limits or {}):
            marks.append((limits[name], f'limit: {limits[name]:g}', COLOURS['second']))
        for level, text, colour in marks:
            mark_level(axis, level, text, colour)
        quiet(axis, title=title.capitalize(), x='optimiser step', y=label)
        # a statistic that is not finite has no place in the picture, and must not keep the others out of it
        axis.set_ylim(0, 1.15 * max([*values[np.isfinite(values)], *(level for level, *_ in marks), 1e-6]))
    for axis in axes[len(shown) :]:
        axis.set_visible(False)
    return figure


def mark_level(axis: Axes, level: float, text: str, colour: str) -> None:
    """A dashed horizontal line with its meaning written on it."""
    axis.axhline(level, color=colour, linestyle='--', linewidth=1)
    axis.annotate(
        text,
        (0.98, level),
        xycoords=('axes fraction', 'data'),
        xytext=(0, 3),
        textcoords='offset points',
        ha='right',
        fontsize=7.5,
        color=colour,
    )


def draw_prototype_usage(usage: NDArray[np.float64], prior: NDArray[np.float64]) -> Figure:
    """Share of points nearest to each prototype, sorted, beside the Zipf prior, on logarithmic axes.

    usage, prior: (K,), each sums to 1. Prototypes without a point have no logarithm and are counted in the legend.
    """
    n = len(prior)
    ranked = np.sort(usage)[::-1]
    used = ranked[ranked > 0]
    figure, (axis,) = new_figure(1, 1, width_in=6.5, height_in=4)
    rank = np.arange(1, n + 1)
    axis.loglog(rank, prior, color=COLOURS['second'], linewidth=1.4, label='Zipf prior of the targets')
    label = f'share of points (most used first; {n - len(used)} of {n} prototypes without a point)'
    axis.loglog(rank[: len(used)], used, 'o', color=COLOURS['main'], markersize=3, label=label)
    axis.axhline(1 / (10 * n), color=COLOURS['third'], linestyle='--', linewidth=1, label='1 / (10 K): counts as used')
    quiet(axis, title='Prototype usage', x='rank of the prototype', y='share of points')
    axis.legend(fontsize=8, frameon=False, loc='lower left')
    axis.set_ylim(bottom=max(min(used.min(initial=1), 1 / (10 * n), prior.min()) / 30, 1e-8))
    return figure
