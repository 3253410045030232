"""A ladder's record as Markdown: rows against the rows that they are compared with, and what was found in words."""

from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import Any

from ..runner.markdown import NONE, NOT_RUN, markdown_table, number, plus_minus, provenance

GROUPS = ('head', 'common', 'tail')
"""The classes in thirds by how often they occur."""
SCENES = {'validation': 'validation scenes (for choosing settings)', 'test': 'test scenes'}


def summary(record: Mapping[str, Any]) -> str:
    """Rows, options and baselines, how they were run, and the conclusions."""
    rows, options, baselines = parts(record)
    tables = [rows_table(record, rows, 'against the row above'), differs_from_order(record, rows)]
    if any(row['entries'] or lost_seeds(record, row) for row in options):
        tables.append(rows_table(record, options, f'against {title_of(record, record["reference"])}'))
    tables += [baselines_table(baselines), facts(record), *conclusions(record)]
    return '\n\n'.join(table for table in tables if table)


def parts(record: Mapping[str, Any]) -> tuple[list[dict[str, Any]], ...]:
    """Rows, options, baselines."""
    of_kind = {kind: [row for row in record['rows'] if row['kind'] == kind] for kind in ('pretrained', 'scratch')}
    rows, options = ([row for row in of_kind['pretrained'] if row['is_option'] is kind] for kind in (False, True))
    return rows, options, of_kind['scratch']


def title_of(record: Mapping[str, Any], name: str) -> str:
    """Title of a row, an option or a baseline."""
    return next(row['title'] for row in record['rows'] if row['name'] == name)


def entry_cells(row: Mapping[str, Any]) -> tuple[str, list[str]]:
    """mIoU with its spread, and the means of the groups of classes."""
    if not (entry := row['entries'].get('miou')):
        return NOT_RUN, [NONE] * len(GROUPS)
    return plus_minus(entry['mean'], entry['sd']), [number(entry['groups'][group]) for group in GROUPS]


def rows_table(record: Mapping[str, Any], rows: Sequence[Mapping[str, Any]], compared: str) -> str:
    """One line per row: mean and sd over seeds, paired difference, verdict, class groups."""
    header = ('row', 'mIoU [%]', 'seeds', compared, '95 % interval', 'verdict', *GROUPS)
    return markdown_table(header, [_line(row, lost_seeds(record, row)) for row in rows])


def _line(row: Mapping[str, Any], lost: Sequence[str]) -> tuple[str, ...]:
    (miou, groups), entry, change = entry_cells(row), row['entries'].get('miou'), row['entries'].get('difference')
    miou = '; '.join([*([] if miou == NOT_RUN and lost else [miou]), *lost])
    seeds = str(len(entry['values'])) if entry else '0' if lost else NONE
    difference = (NONE, NONE, NONE)
    if change is not None:
        interval = NONE if change['low'] is None else f'{change["low"]:+.1f} to {change["high"]:+.1f}'
        difference = f'{change["mean"]:+.1f}', interval, change['verdict']
    return (row['title'], miou, seeds, *difference, *groups)


def differs_from_order(record: Mapping[str, Any], rows: Sequence[Mapping[str, Any]]) -> str:
    """A sentence on the rows that are compared with another row than the one above them in the table."""
    pairs = [
        f'{row["title"]} with {title_of(record, row["above"])}'
        for before, row in pairwise(rows)
        if row['above'] is not None and row['above'] != before['name']
    ]
    return f'Compared with another row than the one above: {"; ".join(pairs)}.' if pairs else ''


def baselines_table(rows: Sequence[Mapping[str, Any]]) -> str:
    """What needs no pretraining."""
    found = [(row['title'], *entry_cells(row)) for row in rows]
    return markdown_table(('baseline', 'mIoU [%]', *GROUPS), [(title, miou, *groups) for title, miou, groups in found])


def facts(record: Mapping[str, Any]) -> str:
    """One paragraph: what the numbers are and how they came about."""
    classes, settings = record['classes'], record['settings']
    hours = sum(cell.get('seconds', 0) for cell in record['cells']) / 3600
    groups = ', '.join(f'{group}: {" ".join(classes["groups"][group])}' for group in GROUPS)
    absent = ', '.join(classes.get('classes_absent', ())) or 'none'
    return (
        f'Linear probe of the teacher on {classes.get("scored_scans", "the")} key frames of the '
        f'{SCENES[record["split"]]}, draws: {settings["draws"]["n"]}, of {settings["draws"]["sizes"]["miou"]} labelled '
        f'scans each; {settings["steps"]} steps of pretraining a cell; ± is the standard deviation over seeds; the '
        f'interval is that of the paired difference over seeds (Student t). Classes by labelled points: {groups}; '
        f'without a point in this split: {absent}. ' + provenance(record, f'{hours:.1f} h of one thread in all')
    )


def conclusions(record: Mapping[str, Any]) -> list[str]:
    """What was and what was not found, in plain sentences, from the numbers alone."""
    rows, options, _ = parts(record)
    lines = [_comparison_sentence(record, found) for found in record['comparisons']]
    verdicts = {row['name']: row['entries'].get('difference', {'verdict': NONE})['verdict'] for row in rows}
    judged = {name: verdict for name, verdict in verdicts.items() if verdict != NONE}
    if judged:
        apart = [name for name, verdict in judged.items() if verdict == 'separates']
        lines.append(
            f'{len(apart)} of {len(judged)} rows separate from the row that they are compared with'
            + (f' ({", ".join(apart)})' if apart else '')
            + '; at 95 %, one comparison in twenty does so by chance.'
        )
    lost = {row['title']: lost_seeds(record, row) for row in [*rows, *options]}
    return lines + [f'{title}: {"; ".join(found)}.' for title, found in lost.items() if found]


def _comparison_sentence(record: Mapping[str, Any], found: Mapping[str, Any]) -> str:
    titles = [title_of(record, name) for name in (record['reference'], found['baseline'])]
    verb = 'is above' if found['mean'] > 0 else 'is not above'
    numbers = f'{found["mean_features"]:.1f} against {found["mean_baseline"]:.1f} mIoU'
    spread = 'one seed, no interval'
    if found['low'] is not None:
        spread = f'95 % {found["low"]:+.1f} to {found["high"]:+.1f}: {found["verdict"]}'
    return f'{titles[0]} {found["words"]} {verb} {titles[1]}: {numbers}, {found["mean"]:+.1f} points ({spread}).'


def lost_seeds(record: Mapping[str, Any], row: Mapping[str, Any]) -> list[str]:
    """`seed 1 collapsed at step 140` of every seed whose pretraining or probe ended without numbers."""
    lost = {cell['name']: cell for cell in record['cells'] if cell['status'] in ('failed', 'collapsed')}
    found = [(seed, lost[name]) for seed, names in row['cells'].items() for name in names if name in lost]
    return [f'{seed} ' + (f'collapsed at step {cell["step"]}' if 'step' in cell else 'failed') for seed, cell in found]
