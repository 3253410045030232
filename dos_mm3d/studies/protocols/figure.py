"""A protocol's table as a picture: dots, curves or a matrix, what is pretrained apart from what is not."""

import textwrap
from collections.abc import Mapping, Sequence
from functools import partial
from itertools import cycle
from typing import Any

import numpy as np
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from ...errors import InputError
from ...visualization.style import COLOURS, new_figure, quiet
from ..runner.markdown import NOT_RUN, plus_minus

TITLE_CHARACTERS = 34
ROW_HEIGHT_IN = 0.42
SCRATCH_STYLES = ((0, (1, 1)), (0, (4, 2)), (0, (5, 1, 1, 1)), (0, (7, 3)), '-')
PRETRAINED_COLOURS = (COLOURS['main'], COLOURS['second'], COLOURS['third'], '#7a5195', '#b8860b')


def draw_protocol(record: Mapping[str, Any]) -> Figure:
    """The picture that the record's `plot` names. Rows without a number are left out.

    ValueError where no row has a number, or for an unknown kind of plot.
    """
    rows = [row for row in record['rows'] if row['entries']]
    if not rows:
        raise InputError(f'{record["protocol"]}: no row has a number yet, there is nothing to draw')
    kinds = {'dots': _draw_dots, 'curve': _draw_curves, 'matrix': _draw_matrix}
    if record['plot'] not in kinds:
        raise InputError(f'plot is {record["plot"]!r}, wanted one of {", ".join(kinds)}')
    return kinds[record['plot']](record, rows)


def _title(record: Mapping[str, Any]) -> str:
    names = ', '.join(dataset['title'] for dataset in record['datasets'])
    return f'{record["title"]}: {names}, {record["split"]} split'


def _draw_dots(record: Mapping[str, Any], rows: Sequence[Mapping[str, Any]]) -> Figure:
    columns = record['columns']
    x_titles = {column['name']: record['metric'] if len(columns) > 1 else column['title'] for column in columns}
    return draw_dots(_title(record), columns, rows, x_titles=x_titles)


def draw_dots(
    title: str,
    columns: Sequence[Mapping[str, Any]],
    rows: Sequence[Mapping[str, Any]],
    *,
    x_titles: Mapping[str, str],
) -> Figure:
    """One panel a column: mean (bar), its values (dots), sd or interval (line).

    Args:
        title: of the picture.
        columns: `name` and `title` of each.
        rows: `title`, `kind` ('pretrained' or 'scratch') and `entries` by column. An entry has `mean`, `values`, `sd`
            with `sd_over`, and, instead of sd, `low` and `high` of an interval with its `verdict`.
        x_titles: below the panels, by column.
    """
    height_in = 1.3 + ROW_HEIGHT_IN * len(rows)
    figure, axes = new_figure(1, len(columns), width_in=3.2 + 4.2 * len(columns), height_in=height_in)
    for axis, column in zip(axes, columns):
        for y, row in enumerate(rows):
            if entry := row['entries'].get(column['name']):
                _draw_entry(axis, entry, y, COLOURS['main'] if row['kind'] == 'pretrained' else COLOURS['grey'])
        axis.set_yticks(range(len(rows)), [textwrap.fill(row['title'], TITLE_CHARACTERS) for row in rows])
        axis.set_ylim(len(rows) - 0.4, -0.6)
        quiet(axis, title=title if len(columns) == 1 else column['title'], x=x_titles[column['name']], y='')
        axis.tick_params(labelleft=axis is axes[0])
    if len(columns) > 1:
        figure.suptitle(title, fontsize=10)
    over = sorted({e['sd_over'] for row in rows for e in row['entries'].values() if e['sd'] is not None})
    axes[-1].legend(handles=_dot_handles(', '.join(over)), fontsize=7, frameon=False, loc='best')
    return figure


def _draw_entry(axis, entry: Mapping[str, Any], y: float, colour: str) -> None:
    """An interval that leaves out zero is drawn in a colour of its own."""
    mean, values = entry['mean'], list(entry['values'].values())
    low, high = entry.get('low'), entry.get('high')
    if entry['sd'] is not None:
        low, high = mean - entry['sd'], mean + entry['sd']
        axis.plot(values, [y] * len(values), 'o', color=colour, markersize=3.5, alpha=0.6)
    if 'verdict' in entry:
        axis.axvline(0, color=COLOURS['grey'], linewidth=0.9)
        colour = COLOURS['second'] if entry['verdict'] == 'separates' else COLOURS['grey']
    if low is not None:
        axis.hlines(y, low, high, color=colour, linewidth=4, alpha=0.25)
    axis.margins(x=0.12)
    axis.plot(mean, y, '|', color=colour, markersize=13, markeredgewidth=2.2)
    axis.annotate(
        f'{mean:.1f}',
        (max([mean if high is None else high, *values]), y),
        xytext=(7, 0),
        textcoords='offset points',
        va='center',
        fontsize=7.5,
        color=colour,
    )


def _dot_handles(over: str) -> list[Line2D]:
    bar = partial(Line2D, [], [], marker='|', linestyle='', markeredgewidth=2.2)
    handles = [
        bar(color=COLOURS['main'], label='pretrained'),
        bar(color=COLOURS['grey'], label='not pretrained'),
    ]
    if over:
        handles.append(Line2D([], [], color=COLOURS['light'], linewidth=4, label=f'± sd over {over}'))
    return handles


def _draw_curves(record: Mapping[str, Any], rows: Sequence[Mapping[str, Any]]) -> Figure:
    """One line a row over the columns' x, with sd as a band: pretrained ones in colours, the others in grey dashes."""
    figure, (axis,) = new_figure(1, 1, width_in=7.6, height_in=4.6)
    place = {column['name']: column['x'] for column in record['columns'] if column['x'] is not None}
    pretrained = ({'color': colour, 'marker': 'o'} for colour in cycle(PRETRAINED_COLOURS))
    scratch = ({'color': COLOURS['grey'], 'linestyle': style} for style in cycle(SCRATCH_STYLES))
    for row in rows:
        on_axis = [(place[name], entry) for name, entry in row['entries'].items() if name in place]
        if not on_axis:
            continue
        found = sorted((x, entry['mean'], entry['sd'] or 0.0) for x, entry in on_axis)
        x, mean, sd = (np.array(values) for values in zip(*found))
        style, alpha = (next(pretrained), 0.12) if row['kind'] == 'pretrained' else (next(scratch), 0.06)
        axis.plot(x, mean, markersize=4, linewidth=1.5, label=row['title'], **style)
        axis.fill_between(x, mean - sd, mean + sd, color=style['color'], alpha=alpha)
    if record['log_x']:
        axis.set_xscale('log')
    axis.minorticks_off()
    axis.set_xticks(list(place.values()), [f'{x:g}' for x in place.values()])
    quiet(axis, title=_title(record), x=record['axis'], y=record['metric'])
    axis.legend(fontsize=8, frameon=False, loc='upper left', bbox_to_anchor=(1.01, 1.0))
    return figure


def _draw_matrix(record: Mapping[str, Any], rows: Sequence[Mapping[str, Any]]) -> Figure:
    """Rows by columns with the numbers in the fields; shades compare within a column, in-domain fields are bold."""
    columns = record['columns']
    means = np.array([[row['entries'].get(c['name'], {}).get('mean', np.nan) for c in columns] for row in rows], float)
    figure, (axis,) = new_figure(1, 1, width_in=4.4 + 1.7 * len(columns), height_in=1.4 + ROW_HEIGHT_IN * len(rows))
    axis.imshow(_shades(means), cmap='Blues', vmin=0, vmax=1.6, aspect='auto')
    for y, row in enumerate(rows):
        for x, column in enumerate(columns):
            entry = row['entries'].get(column['name'])
            text = NOT_RUN if entry is None else plus_minus(entry['mean'], entry['sd'])
            weight = 'bold' if entry and entry.get('in_domain') else 'normal'
            axis.text(x, y, text, ha='center', va='center', fontsize=8, fontweight=weight)
    axis.set_yticks(range(len(rows)), [textwrap.fill(row['title'], TITLE_CHARACTERS) for row in rows])
    axis.set_xticks(range(len(columns)), [column['title'] for column in columns])
    below = f'{record["axis"]} ({record["metric"]}; bold: in domain; shades within a column)'
    quiet(axis, title=f'{record["title"]}, {record["split"]} split', x=below, y='')
    axis.grid(False)
    axis.tick_params(length=0)
    return figure


def _shades(means: np.ndarray) -> np.ndarray:
    """(rows, columns) from 0, the lowest of a column, to 1; a column with one number is in the middle, nan stays."""
    known = np.isfinite(means)
    low, high = np.where(known, means, np.inf).min(0), np.where(known, means, -np.inf).max(0)
    several = np.broadcast_to(high > low, means.shape)
    shades = np.where(known, 0.5, np.nan)
    return np.divide(means - low, high - low, out=shades, where=several & known)
