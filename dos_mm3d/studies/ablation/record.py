"""The record of a ladder: every row with its spread, its difference to the row above, and what the baselines reach."""

from collections.abc import Mapping, Sequence
from statistics import fmean
from typing import Any

from ...probe.rows import RAW_COLUMNS, TITLES
from ..runner.statistics import difference_to, mean_estimate, means, paired_difference, sample_sd
from .classes import class_groups, group_means
from .ladder_file import Ladder, LadderRow

UNITS = {
    'miou, mean, sd, low, high, per_class, groups': 'percent (0-100), differences in points',
    'low, high': '95 % interval of the mean or of the mean paired difference over seeds (Student t)',
    'seconds': 'pretrain: sum of the steps; probe: wall clock',
}
BASELINES = {
    name: TITLES[name] for name in ('raw', 'random', 'random_raw', 'pillars', 'handcrafted', 'random_raw_handcrafted')
} | {'raw': RAW_COLUMNS}
COMPARED = (
    ('teacher', 'random_raw', '(teacher alone)'),
    ('teacher', 'pillars', '(teacher alone)'),
    ('teacher', 'handcrafted', '(teacher alone)'),
    ('teacher_raw_handcrafted', 'random_raw_handcrafted', '+ raw + hand-crafted'),
)
"""What the reference row is asked: features of it, baseline, how the sentence calls the features."""
CELL_KEYS = (
    'seed', 'status', 'step', 'message', 'seconds', 'monitors', 'loss_first', 'loss_last', 'config_hash', 'commit',
    'probe_commit',
)  # fmt: skip

Results = Mapping[str, Mapping[int, Mapping[str, Any]]]
"""Row name -> seed -> the recorded result of the cell; a cell without one is left out."""


def build_record(
    ladder: Ladder, results: Results, baselines: Mapping[str, Any], facts: Mapping[str, Any]
) -> dict[str, Any]:
    """Everything that the tables and the picture are made from.

    facts: what the run knows itself (split, steps, protocol, versions, ...), taken over as it is.
    """
    groups = class_groups(baselines['class_points'])
    rows = [row_record(row, results, groups) for row in ladder.rows]
    reference = next(row for row in rows if row['name'] == ladder.reference.name)
    return {
        **facts,
        'units': UNITS,
        'reference': reference['name'],
        'classes': {'groups': groups, 'points': baselines['class_points'], **baselines['split']},
        'rows': [row for row, entry in zip(rows, ladder.rows) if not entry.is_option],
        'options': [row for row, entry in zip(rows, ladder.rows) if entry.is_option],
        'baselines': {name: baseline_record(baselines['rows'][name], groups) for name in BASELINES},
        'comparisons': comparisons(reference, baselines['rows']),
        'commits': sorted({str(cell['commit']) for cells in results.values() for cell in cells.values()}),
    }


def row_record(row: LadderRow, results: Results, groups: Mapping[str, Sequence[str]]) -> dict[str, Any]:
    """One row: numbers over its finished seeds, and every cell, whatever became of it."""
    cells = results.get(row.name, {})
    record: dict[str, Any] = {'name': row.name, 'title': row.title, 'config': str(row.config), 'above': row.above}
    record['cells'] = [{key: cell[key] for key in CELL_KEYS if key in cell} for _, cell in sorted(cells.items())]
    miou = miou_by_seed(cells, 'teacher')
    if not miou:
        return record | {'mean': None}
    finished = [cell for _, cell in sorted(cells.items()) if cell['status'] == 'finished']
    above = miou_by_seed(results.get(row.above, {}), 'teacher') if row.above else {}
    difference = paired_difference(miou, above)
    per_class = means([cell['probe']['teacher']['per_class'] for cell in finished])
    estimate = mean_estimate(list(miou.values()))
    record |= {
        'mean': estimate.mean,
        'sd': sample_sd(list(miou.values())),
        'low': estimate.low,
        'high': estimate.high,
        'seeds': {str(seed): value for seed, value in miou.items()},
        'difference': difference.as_record() if difference else None,
        'per_class': per_class,
        'groups': group_means(per_class, groups),
        'monitors': mean_monitors([cell.get('monitors', {}) for cell in finished]),
    }
    others = [name for name in finished[0]['probe'] if name != 'teacher']
    return record | {'other_features': {name: _spread(list(miou_by_seed(cells, name).values())) for name in others}}


def miou_by_seed(cells: Mapping[int, Mapping[str, Any]], features: str) -> dict[int, float]:
    """Seed -> mIoU of the finished cells, by seed."""
    return {
        seed: cell['probe'][features]['miou'] for seed, cell in sorted(cells.items()) if cell['status'] == 'finished'
    }


def _spread(values: Sequence[float]) -> dict[str, Any]:
    return {'mean': fmean(values), 'sd': sample_sd(values), 'values': list(values)}


def mean_monitors(parts: Sequence[Mapping[str, float | None]]) -> dict[str, float]:
    """Last value of every collapse monitor, averaged over the seeds that logged it."""
    names = dict.fromkeys(name for part in parts for name in part)
    values = {name: [part[name] for part in parts if part.get(name) is not None] for name in names}
    return {name: fmean(found) for name, found in values.items() if found}


def baseline_record(row: Mapping[str, Any], groups: Mapping[str, Sequence[str]]) -> dict[str, Any]:
    """Mean over draws, and sd over the seeds of random networks, None for what has no seed."""
    seeds = row.get('seeds')
    return {
        'mean': row['miou'],
        'sd': sample_sd(seeds) if seeds else None,
        'seeds': seeds,
        'per_class': row['per_class'],
        'groups': group_means(row['per_class'], groups),
    }


def comparisons(reference: Mapping[str, Any], baselines: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The reference row against the baselines, over seeds; empty while it has no finished cell."""
    if reference['mean'] is None:
        return []
    others = {name: found['values'] for name, found in reference['other_features'].items()}
    values = {'teacher': list(reference['seeds'].values()), **others}
    found = []
    for features, baseline, words in COMPARED:
        if features in values:
            row = baselines[baseline]
            estimate = difference_to(values[features], row.get('seeds') or [row['miou']])
            means = {'mean_features': fmean(values[features]), 'mean_baseline': row['miou']}
            entry = {'features': features, 'baseline': baseline, 'words': words, **means}
            found.append({**entry, **estimate.as_record()})
    return found


def conclusions(record: Mapping[str, Any]) -> list[str]:
    """What was and what was not found, in plain sentences, from the numbers alone."""
    rows = [*record['rows'], *record['options']]
    title = next(row['title'] for row in rows if row['name'] == record['reference'])
    lines = [_comparison_sentence(title, entry) for entry in record['comparisons']]
    judged = [row for row in record['rows'] if row.get('difference') and row['difference']['verdict'] != '-']
    if judged:
        apart = [row['name'] for row in judged if row['difference']['verdict'] == 'separates']
        lines.append(
            f'{len(apart)} of {len(judged)} rows separate from the row that they are compared with'
            + (f' ({", ".join(apart)})' if apart else '')
            + '; at 95 %, one comparison in twenty does so by chance.'
        )
    lines += [f'{row["title"]}: {"; ".join(lost)}.' for row in rows if (lost := lost_cells(row))]
    return lines


def _comparison_sentence(title: str, entry: Mapping[str, Any]) -> str:
    verb = 'is above' if entry['mean'] > 0 else 'is not above'
    numbers = f'{entry["mean_features"]:.1f} against {entry["mean_baseline"]:.1f} mIoU'
    spread = 'one seed, no interval'
    if entry['low'] is not None:
        spread = f'95 % {entry["low"]:+.1f} to {entry["high"]:+.1f}: {entry["verdict"]}'
    name = BASELINES[entry['baseline']]
    return f'{title} {entry["words"]} {verb} {name}: {numbers}, {entry["mean"]:+.1f} points ({spread}).'


def lost_cells(row: Mapping[str, Any]) -> list[str]:
    """`seed 1 collapsed at step 140` of every cell that did not finish; a failure's message stays in the record."""
    return [
        f'seed {cell["seed"]} ' + (f'collapsed at step {cell["step"]}' if cell['status'] == 'collapsed' else 'failed')
        for cell in row['cells']
        if cell['status'] != 'finished'
    ]
