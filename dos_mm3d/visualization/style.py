"""What all pictures share: colours that also differ in grey, a quiet grid, PNG without a screen."""

import io
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from numpy.typing import NDArray

from ..files import write_bytes

COLOURS = {'main': '#0b5fa5', 'second': '#d1495b', 'third': '#5b8c5a', 'grey': '#777777', 'light': '#c9d6df'}
DPI = 120


def new_figure(n_rows: int, n_columns: int, *, width_in: float, height_in: float) -> tuple[Figure, list]:
    """A figure that needs no screen and no pyplot state, and its axes as one flat list, row by row."""
    figure = Figure(figsize=(width_in, height_in), dpi=DPI, layout='constrained')
    FigureCanvasAgg(figure)
    axes = figure.subplots(n_rows, n_columns, squeeze=False)
    return figure, list(axes.flat)


def quiet(axis, *, title: str, x: str, y: str) -> None:
    """Title, labels with units, light grid, no box."""
    axis.set_title(title, fontsize=10, loc='left')
    axis.set_xlabel(x, fontsize=9)
    axis.set_ylabel(y, fontsize=9)
    axis.tick_params(labelsize=8)
    axis.grid(True, color='#dddddd', linewidth=0.6)
    axis.set_axisbelow(True)
    for side in ('top', 'right'):
        axis.spines[side].set_visible(False)


def draw_points_from_above(
    axis: Axes,
    xy_m: NDArray,
    colours: NDArray | str,
    *,
    title: str,
    reach_m: float,
    middle_m: Sequence[float] = (0, 0),
    size: float = 2.2,
    ground: str = 'white',
) -> None:
    """Points (N, 2) in their colours (N, 3), or all in one, within a square of half width `reach_m` around a place."""
    axis.scatter(xy_m[:, 0], xy_m[:, 1], c=colours, s=size, linewidths=0, rasterized=True)
    quiet(axis, title=title, x='x [m]', y='y [m]')
    (left, right), (low, high) = ((middle - reach_m, middle + reach_m) for middle in middle_m)
    axis.set(xlim=(left, right), ylim=(low, high), aspect='equal', facecolor=ground)
    axis.grid(False)


def to_png(figure: Figure) -> bytes:
    """The figure as the bytes of a PNG file."""
    buffer = io.BytesIO()
    figure.savefig(buffer, format='png')
    return buffer.getvalue()


def to_pixels(figure: Figure) -> NDArray[np.uint8]:
    """The figure as (height, width, 3) red, green, blue."""
    figure.canvas.draw()
    return np.asarray(figure.canvas.buffer_rgba())[..., :3].copy()


def write_png(figure: Figure, path: str | Path) -> Path:
    """Write the figure, whole or not at all."""
    write_bytes(path, to_png(figure))
    return Path(path)
