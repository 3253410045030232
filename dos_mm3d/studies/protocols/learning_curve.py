"""Learning curves of the protocols that train: what checkpoints on the way were scored, as tables and picture."""

from collections.abc import Mapping, Sequence
from itertools import cycle
from typing import Any

from matplotlib.figure import Figure

from ...visualization.style import COLOURS, new_figure, quiet
from ..runner.markdown import NOT_RUN, markdown_table, plus_minus
from .base import entry, row
from .figure import PRETRAINED_COLOURS, SCRATCH_STYLES
from .training_rows import Start


def curve_of(
    title: str, unit: str, found: Sequence[tuple[Start, Mapping[int, Mapping[str, Any]]]], key: str
) -> dict[str, Any]:
    """The curves of one column of a protocol, for its record.

    Args:
        title: of the column.
        unit: that the trainings count in.
        found: every row with its cells, seed -> what that collected.
        key: of the number.
    """
    rows = [
        row(start.name, start.title, 'pretrained' if start.runs else 'scratch', curve_entries(cells, key))
        for start, cells in found
    ]
    return {'title': title, 'unit': unit, 'rows': rows}


def curve_entries(cells: Mapping[int, Mapping[str, Any]], key: str) -> dict[str, dict[str, Any]]:
    """Step -> mean and sd over the seeds that have it."""
    steps: dict[int, dict[str, float]] = {}
    for seed, cell in cells.items():
        for step, values in cell['curve'].items():
            steps.setdefault(int(step), {})[f'seed {seed}'] = values[key]
    return {str(step): entry(values, sd_over='seeds') for step, values in sorted(steps.items())}


def curve_tables(record: Mapping[str, Any]) -> str:
    """Of a protocol's record, one for each of its columns that has a number; empty without a learning curve."""
    return '\n\n'.join(map(curve_table, known(record)))


def known(record: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The curves of a record with the rows that have numbers yet."""
    curves = ({**curve, 'rows': [one for one in curve['rows'] if one['entries']]} for curve in record.get('curves', ()))
    return [curve for curve in curves if curve['rows']]


def curve_table(curve: Mapping[str, Any]) -> str:
    """One column of the protocol: a line a row, a column a step."""
    steps = sorted({step for one in curve['rows'] for step in one['entries']}, key=int)
    lines = [(one['title'], *(_text(one['entries'].get(step)) for step in steps)) for one in curve['rows']]
    said = f'Learning curve, {curve["title"]}, after so many {curve["unit"]}:'
    return f'{said}\n\n{markdown_table(("", *steps), lines)}'


def _text(entry: Mapping[str, Any] | None) -> str:
    return NOT_RUN if entry is None else plus_minus(entry['mean'], entry['sd'])


def draw_curves(record: Mapping[str, Any]) -> Figure:
    """A panel for each column of the protocol; lines are means over seeds, bands their standard deviations."""
    curves = known(record)
    figure, axes = new_figure(1, len(curves), width_in=1.6 + 4.2 * len(curves), height_in=4.4)
    for axis, curve in zip(axes, curves):
        pretrained = ({'color': colour, 'marker': 'o'} for colour in cycle(PRETRAINED_COLOURS))
        scratch = ({'color': COLOURS['grey'], 'linestyle': style} for style in cycle(SCRATCH_STYLES))
        for one in curve['rows']:
            x = [int(step) for step in one['entries']]
            mean = [found['mean'] for found in one['entries'].values()]
            sd = [found['sd'] or 0.0 for found in one['entries'].values()]
            style, alpha = (next(pretrained), 0.12) if one['kind'] == 'pretrained' else (next(scratch), 0.06)
            axis.plot(x, mean, markersize=4, linewidth=1.5, label=one['title'], **style)
            low, high = ([m + sign * s for m, s in zip(mean, sd)] for sign in (-1, 1))
            axis.fill_between(x, low, high, color=style['color'], alpha=alpha)
        quiet(axis, title=curve['title'], x=curve['unit'], y=record['metric'])
    names = ', '.join(dataset['title'] for dataset in record['datasets'])
    figure.suptitle(f'{record["title"]}, learning curves: {names}, {record["split"]} split', fontsize=10)
    axes[-1].legend(fontsize=7, frameon=False, loc='lower right')
    return figure
