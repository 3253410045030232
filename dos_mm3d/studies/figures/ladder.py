"""A ladder as a dot plot: every row with its seeds and interval over the baselines, and what each step bought."""

import textwrap
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from ...visualization.style import COLOURS, new_figure, quiet

INTERVAL_WIDTH, TITLE_CHARACTERS = 3.0, 22
BASELINE_STYLES = {
    'raw': ('raw', ':'),
    'random': ('random', ':'),
    'random_raw': ('random + raw', '--'),
    'pillars': ('hand-crafted', ':'),
    'handcrafted': ('hand-crafted + raw', '--'),
    'random_raw_handcrafted': ('random + raw + hand-crafted', '-.'),
}


def draw_ladder(record: Mapping[str, Any]) -> Figure:
    """mIoU over the rows (seeds, mean, 95 % interval; baselines as lines) above the paired differences with theirs.

    record: of `studies.ablation.record`. Options that were run stand behind the rows, set apart by a line. A row
    without a finished cell keeps its place and says why. The differences' colour tells whether they separate.
    """
    options = [row for row in record['options'] if row['cells']]
    rows = [*record['rows'], *options]
    width_in = max(7.0, 2.6 + 0.72 * len(rows))
    figure, (top, below) = new_figure(2, 1, width_in=width_in, height_in=8.2)
    for axis in (top, below):
        axis.set_xlim(-0.6, len(rows) - 0.4)
        axis.set_xticks(range(len(rows)))
        if options:
            axis.axvline(len(record['rows']) - 0.5, color=COLOURS['grey'], linewidth=0.8)
    _draw_levels(top, rows, record['baselines'])
    _draw_differences(below, rows)
    below.sharex(top)
    split, steps = record['split'], record['steps']
    quiet(top, title=f'Linear probe on the {split} scenes after {steps} steps', x='', y='mIoU [%]')
    quiet(below, title='What a row changes, paired over seeds', x='', y='difference [points]')
    top.tick_params(axis='x', labelbottom=False)
    titles = [textwrap.fill(row['title'], TITLE_CHARACTERS) for row in rows]
    below.set_xticklabels(titles, rotation=45, ha='right', rotation_mode='anchor', fontsize=7.5)
    return figure


def _draw_levels(axis, rows: Sequence[Mapping[str, Any]], baselines: Mapping[str, Any]) -> None:
    for x, row in enumerate(rows):
        if row['mean'] is None:
            continue
        if row['low'] is not None:
            axis.vlines(x, row['low'], row['high'], color=COLOURS['light'], linewidth=INTERVAL_WIDTH + 2, zorder=2)
        seeds = list(row['seeds'].values())
        axis.plot([x] * len(seeds), seeds, 'o', color=COLOURS['main'], markersize=3.5, alpha=0.55, zorder=3)
        axis.plot(x, row['mean'], '_', color=COLOURS['main'], markersize=15, markeredgewidth=2.2, zorder=4)
    levels = [baselines[name]['mean'] for name in BASELINE_STYLES if name in baselines]
    _set_height(axis, rows, levels)
    for x, row in enumerate(rows):
        _say_what_lacks(axis, x, row)
    _draw_baselines(axis, baselines)
    handles = [
        Line2D(
            [], [], marker='_', linestyle='', markersize=12, markeredgewidth=2.2, color=COLOURS['main'], label='mean'
        ),
        Line2D([], [], marker='o', linestyle='', markersize=3.5, alpha=0.55, color=COLOURS['main'], label='one seed'),
        Line2D([], [], color=COLOURS['light'], linewidth=INTERVAL_WIDTH + 2, label='95 % interval of the mean'),
    ]
    axis.legend(handles=handles, fontsize=7.5, frameon=False, loc='lower right', bbox_to_anchor=(1, 1), ncols=3)


def _set_height(axis, rows: Sequence[Mapping[str, Any]], levels: Sequence[float]) -> None:
    """Room for every seed, baseline and interval; an interval wider than all the rest together is cut."""
    points = [*levels, *(value for row in rows if row['mean'] is not None for value in row['seeds'].values())]
    low, high = min(points), max(points)
    room = max(high - low, 1.0)
    ends = [row[end] for row in rows if row['mean'] is not None for end in ('low', 'high') if row[end] is not None]
    low = max(min([low, *ends]), low - 0.5 * room)
    high = min(max([high, *ends]), high + 0.5 * room)
    margin = 0.05 * (high - low or 1)
    axis.set_ylim(max(low - margin, 0), high + margin)


def _say_what_lacks(axis, x: int, row: Mapping[str, Any]) -> None:
    """Which seeds collapsed or failed, or that none was run, upright in the row's place; nothing for whole rows."""
    lost = [cell for cell in row['cells'] if cell['status'] != 'finished']
    if row['cells'] and not lost:
        return
    texts = [f'{cell["status"]} at {cell["step"]}' if 'step' in cell else cell['status'] for cell in lost]
    counts = {text: texts.count(text) for text in texts}
    text = ', '.join(f'{count} {what}' for what, count in counts.items()) or 'not run'
    colour = COLOURS['second'] if lost else COLOURS['grey']
    transform = axis.get_xaxis_transform()
    axis.text(
        x - 0.12, 0.03, text, rotation=90, ha='right', va='bottom', fontsize=7.5, color=colour, transform=transform
    )


def _draw_baselines(axis, baselines: Mapping[str, Any]) -> None:
    """Horizontal lines, named at the right border, the names pushed apart where the lines are close."""
    found = sorted((baselines[name]['mean'], *BASELINE_STYLES[name]) for name in BASELINE_STYLES if name in baselines)
    low, high = axis.get_ylim()
    places = spread_labels([level for level, *_ in found], gap=0.042 * (high - low))
    for (level, title, style), place in zip(found, places):
        axis.axhline(level, color=COLOURS['third'], linestyle=style, linewidth=1.1, zorder=1)
        axis.annotate(
            f'{title} {level:.1f}',
            (1.0, level),
            xycoords=('axes fraction', 'data'),
            xytext=(1.02, place),
            textcoords=('axes fraction', 'data'),
            va='center',
            fontsize=7.5,
            color=COLOURS['third'],
            arrowprops=dict(arrowstyle='-', color=COLOURS['third'], linewidth=0.5),
        )


def spread_labels(levels: Sequence[float], *, gap: float) -> list[float]:
    """Places for labels of ascending levels, at least `gap` apart, each crowd centred on its levels' mean."""
    crowds: list[list[float]] = []
    for level in levels:
        crowds.append([level])
        while len(crowds) > 1 and _edge(crowds[-2], gap, +1) + gap > _edge(crowds[-1], gap, -1):
            crowds[-2:] = [crowds[-2] + crowds[-1]]
    return [float(np.mean(crowd)) + gap * (i - (len(crowd) - 1) / 2) for crowd in crowds for i in range(len(crowd))]


def _edge(crowd: Sequence[float], gap: float, side: int) -> float:
    """Place of a crowd's last (+1) or first (-1) label."""
    return float(np.mean(crowd)) + side * gap * (len(crowd) - 1) / 2


def _draw_differences(axis, rows: Sequence[Mapping[str, Any]]) -> None:
    axis.axhline(0, color=COLOURS['grey'], linewidth=0.9)
    colours = {'separates': COLOURS['second'], 'does not separate': COLOURS['grey'], '-': COLOURS['main']}
    extremes = [0.0]
    for x, row in enumerate(rows):
        difference = row.get('difference')
        if not difference:
            continue
        colour = colours[difference['verdict']]
        if difference['low'] is not None:
            axis.vlines(x, difference['low'], difference['high'], color=colour, linewidth=INTERVAL_WIDTH)
            extremes += [difference['low'], difference['high']]
        axis.plot(x, difference['mean'], 'o', color=colour, markersize=6)
        extremes.append(difference['mean'])
    margin = 0.08 * (max(extremes) - min(extremes) or 1)
    axis.set_ylim(min(extremes) - margin, max(extremes) + margin)
    labels = {'separates': 'separates from 0 (95 %)', 'does not separate': 'does not', '-': 'one seed, no interval'}
    handles = [
        Line2D([], [], color=colours[key], marker='o', linewidth=INTERVAL_WIDTH, label=label)
        for key, label in labels.items()
    ]
    axis.legend(handles=handles, fontsize=7.5, frameon=False, loc='lower right', bbox_to_anchor=(1, 1), ncols=3)
