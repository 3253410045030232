"""A ladder's record as markdown: the tables of docs/results.md and of ladder.md."""

from collections.abc import Mapping, Sequence
from typing import Any

from ..runner.markdown import NONE, NOT_RUN, markdown_table, message_of, number, page, plus_minus, provenance
from .classes import GROUPS
from .record import BASELINES, conclusions, lost_cells

MONITORS = {'effective_rank': 'rank', 'cosine_std': 'sd of cosines', 'prototypes_used': 'prototypes used'}
SPLITS = {'validation': 'validation scenes (for choosing settings)', 'test': 'test scenes'}


def summary(record: Mapping[str, Any]) -> str:
    """Rows, options and baselines, how they were run, and the conclusions."""
    parts = [rows_table(record, record['rows'], 'against the row above'), differs_from_order(record)]
    if any(row['cells'] for row in record['options']):
        parts.append(rows_table(record, record['options'], 'against ' + title_of(record, record['reference'])))
    parts += [baselines_table(record), facts(record), *conclusions(record)]
    return '\n\n'.join(part for part in parts if part)


def full_text(record: Mapping[str, Any]) -> str:
    """ladder.md: the summary, then classes, other features, monitors and seconds."""
    sections = {
        '': summary(record),
        'IoU per class [%]': class_table(record),
        'Other features of the same runs, mIoU [%]': other_features_table(record),
        'Collapse monitors at the last step': monitor_table(record),
        'Cells': cell_table(record),
    }
    return page(f'Ladder, {SPLITS[record["split"]]}', record['complete'], sections)


def title_of(record: Mapping[str, Any], name: str) -> str:
    """Title of a row or option."""
    return next(row['title'] for row in all_rows(record) if row['name'] == name)


def all_rows(record: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """Rows, then options."""
    return [*record['rows'], *record['options']]


def finished_rows(record: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """Rows and options that have numbers."""
    return [row for row in all_rows(record) if row['mean'] is not None]


def spread(found: Mapping[str, Any] | None) -> str:
    """Mean and sd of a row or a baseline, '-' for none."""
    return NONE if found is None else plus_minus(found['mean'], found['sd'])


def groups(row: Mapping[str, Any]) -> list[str]:
    """Means of the groups of classes."""
    return [number(row['groups'][group]) for group in GROUPS]


def rows_table(record: Mapping[str, Any], rows: Sequence[Mapping[str, Any]], compared: str) -> str:
    """One line per row: mean and sd over seeds, paired difference, verdict, class groups."""
    header = ('row', 'mIoU [%]', 'seeds', compared, '95 % interval', 'verdict', *GROUPS)
    return markdown_table(header, [_line(row) for row in rows])


def _line(row: Mapping[str, Any]) -> tuple[str, ...]:
    lost = lost_cells(row)
    if row['mean'] is None:
        return (row['title'], '; '.join(lost) or NOT_RUN, '0' if lost else NONE, *[NONE] * (3 + len(GROUPS)))
    miou, change = '; '.join([spread(row), *lost]), row['difference']
    difference = (NONE, NONE, NONE)
    if change is not None:
        interval = NONE if change['low'] is None else f'{change["low"]:+.1f} to {change["high"]:+.1f}'
        difference = f'{change["mean"]:+.1f}', interval, change['verdict']
    return (row['title'], miou, str(len(row['seeds'])), *difference, *groups(row))


def differs_from_order(record: Mapping[str, Any]) -> str:
    """A sentence on the rows that are compared with another row than the one above them in the table."""
    pairs = [
        f'{row["title"]} with {title_of(record, row["above"])}'
        for before, row in zip(record['rows'], record['rows'][1:])
        if row['above'] is not None and row['above'] != before['name']
    ]
    return f'Compared with another row than the one above: {"; ".join(pairs)}.' if pairs else ''


def baselines_table(record: Mapping[str, Any]) -> str:
    """What needs no pretraining."""
    found = record['baselines']
    rows = [(title, spread(found[name]), *groups(found[name])) for name, title in BASELINES.items()]
    return markdown_table(('baseline', 'mIoU [%]', *GROUPS), rows)


def facts(record: Mapping[str, Any]) -> str:
    """One paragraph: what the numbers are and how they came about."""
    classes, protocol = record['classes'], record['protocol']
    hours = sum(sum(cell['seconds'].values()) for row in all_rows(record) for cell in row['cells']) / 3600
    groups = ', '.join(f'{group}: {" ".join(classes["groups"][group])}' for group in GROUPS)
    absent = ', '.join(classes['classes_absent']) or 'none'
    return (
        f'Linear probe of the teacher on {classes["scored_scans"]} key frames of the {SPLITS[record["split"]]}, '
        f'draws: {protocol["n_draws"]}, of {protocol["scans_per_draw"]} labelled scans each; {record["steps"]} steps '
        f'of pretraining a cell; ± is the standard deviation over seeds; the interval is that of the paired difference '
        f'over seeds (Student t). Classes by labelled points: {groups}; without a point in this split: {absent}. '
        + provenance(record, f'{hours:.1f} h of one thread in all')
    )


def class_table(record: Mapping[str, Any]) -> str:
    """Rows that have numbers, and baselines; classes from frequent to rare."""
    rows = [(row['name'], row['per_class']) for row in finished_rows(record)]
    rows += [(name, row['per_class']) for name, row in record['baselines'].items()]
    names = [name for group in GROUPS for name in record['classes']['groups'][group]]
    lines = [(title, *(number(per_class[name]) for name in names)) for title, per_class in rows]
    return markdown_table(('row', *(name.replace('_', ' ') for name in names)), lines)


def other_features_table(record: Mapping[str, Any]) -> str:
    """Student, and what is gained by adding the raw input, where a row was probed with it."""
    rows = finished_rows(record)
    names = dict.fromkeys(name for row in rows for name in row['other_features'])
    lines = [
        (row['name'], *(spread(found) for found in (row, *(row['other_features'].get(name) for name in names))))
        for row in rows
    ]
    return markdown_table(('row', 'teacher', *(name.replace('_', ' + ') for name in names)), lines)


def monitor_table(record: Mapping[str, Any]) -> str:
    """Means over seeds; a method without prototypes logs none of theirs."""
    lines = [
        (row['name'], *(number(row['monitors'].get(name), '.2f') for name in MONITORS)) for row in finished_rows(record)
    ]
    return markdown_table(('row', *MONITORS.values()), lines)


def cell_table(record: Mapping[str, Any]) -> str:
    """Every cell with what became of it."""
    lines = [
        (
            row['name'],
            str(cell['seed']),
            cell['status'] if 'step' not in cell else f'{cell["status"]} at step {cell["step"]}',
            number(row.get('seeds', {}).get(str(cell['seed'])), '.2f'),
            *(number(cell['seconds'].get(part), '.0f') for part in ('pretrain', 'probe')),
            message_of(cell),
        )
        for row in all_rows(record)
        for cell in row['cells']
    ]
    return markdown_table(('row', 'seed', 'status', 'mIoU [%]', 'pretrain [s]', 'probe [s]', 'message'), lines)
