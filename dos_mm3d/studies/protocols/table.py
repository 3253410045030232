"""A protocol's record as Markdown."""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from ..runner.markdown import NONE, NOT_RUN, markdown_table, message_of, number, page, plus_minus
from ..runner.markdown import provenance as run_with
from .differences import difference_table
from .gains import gain_table

SPLITS = {'validation': 'validation split (for choosing settings)', 'test': 'test split'}


def summary(record: Mapping[str, Any]) -> str:
    """The table, what it is, and what failed."""
    parts = [
        main_table(record),
        difference_table(record),
        gain_table(record),
        *notes(record),
        provenance(record),
        *failures(record),
    ]
    return '\n\n'.join(part for part in parts if part)


def full_text(record: Mapping[str, Any], first: Callable[[Mapping[str, Any]], str] = summary) -> str:
    """The whole .md file: what is shown first, classes, spread, cells."""
    names = ', '.join(dataset['title'] for dataset in record['datasets'])
    sections = {
        '': first(record),
        **class_sections(record),
        'Every value': values_table(record),
        'Cells': cell_table(record),
    }
    return page(f'{record["title"]}: {names}, {SPLITS[record["split"]]}', record['complete'], sections)


def main_table(record: Mapping[str, Any]) -> str:
    """One line per row, one column per column; with a single column also the spread over draws and the networks."""
    columns, rows = record['columns'], record['rows']
    header = ['', *(column['title'] for column in columns)]
    lines = [[row['title'], *(cell_text(row['entries'].get(column['name'])) for column in columns)] for row in rows]
    only = [row['entries'].get(columns[0]['name']) for row in rows] if len(columns) == 1 else []
    if any(entry and entry.get('draws') for entry in only):
        header += ['sd over draws', 'networks']
        for line, entry in zip(lines, only):
            line += [number(entry.get('sd_draws')), str(len(entry['values']))] if entry else [NONE, NONE]
    return markdown_table(header, lines)


def cell_text(entry: Mapping[str, Any] | None) -> str:
    """`34.1 ± 0.6`, in bold where the entry is marked `in_domain`."""
    if entry is None:
        return NOT_RUN
    text = plus_minus(entry['mean'], entry['sd'])
    return f'**{text}**' if entry.get('in_domain') else text


def notes(record: Mapping[str, Any]) -> list[str]:
    """What ± is, what the columns share, and the protocol's own sentences."""
    over = {entry['sd_over'] for row in record['rows'] for entry in row['entries'].values() if entry['sd'] is not None}
    first = f'{record["metric"]} on the {SPLITS[record["split"]]}'
    first += f'; ± is the standard deviation over {" or ".join(sorted(over))}.' if over else '.'
    return [first, *column_facts(record), *record['notes']]


def column_facts(record: Mapping[str, Any]) -> list[str]:
    """`1 scan: labelled frames 1; sequences 1` of every column that has facts."""
    lines = [
        f'{column["title"]}: '
        + '; '.join(f'{name.replace("_", " ")} {_fact(value)}' for name, value in column['facts'].items())
        for column in record['columns']
        if column['facts']
    ]
    return ['  \n'.join(lines)] if lines else []


def _fact(value: Any) -> str:
    """A list of equal numbers is told once."""
    values = list(dict.fromkeys(value)) if isinstance(value, list | tuple) else [value]
    return ', '.join(map(str, values)) or 'none'


def provenance(record: Mapping[str, Any]) -> str:
    """One paragraph: what was judged, with what, how long it took."""
    sources = '; '.join(_source(source) for source in record['sources']) or 'none'
    hours = sum(cell.get('seconds', 0) for cell in record['cells']) / 3600
    return f'Checkpoints: {sources}. ' + run_with(record, f'{hours:.2f} h of computing in all')


def _source(source: Mapping[str, Any]) -> str:
    steps = '' if source['steps'] is None else f', {source["steps"]} steps'
    return f'`{source["sha256"][:8]}` pretrained on {source["pretrained_on"]}{steps}, seed {source["seed"]}'


def failures(record: Mapping[str, Any]) -> list[str]:
    """A line per cell that ended without numbers."""
    lost = [cell for cell in record['cells'] if cell['status'] in ('failed', 'collapsed')]
    return [f'- {cell["name"]} {cell["status"]}: {message_of(cell)}' for cell in lost]


def class_sections(record: Mapping[str, Any]) -> dict[str, str]:
    """For every column whose entries have them: a table of the classes, and of a detector's true-positive errors."""
    classes = record.get('per_class_title', 'IoU per class [%]')
    kinds = (('per_class', classes, 'class', '.1f'), ('errors', 'True-positive errors', 'error', '.3f'))
    found = {
        (column['title'], title, first, form): [
            (row['title'], values)
            for row in record['rows']
            if (values := row['entries'].get(column['name'], {}).get(key))
        ]
        for column in record['columns']
        for key, title, first, form in kinds
    }
    of_kind = Counter(title for (_, title, _, _), rows in found.items() if rows)
    return {
        f'{title}, {column}' if of_kind[title] > 1 else title: class_table(rows, first, form)
        for (column, title, first, form), rows in found.items()
        if rows
    }


def class_table(rows: Sequence[tuple[str, Mapping[str, float | None]]], first: str, form: str) -> str:
    """Classes downwards, as there may be 200 of them; rows to the right.  first: what is named on the left."""
    names = list(rows[0][1])
    lines = [(name.replace('_', ' '), *(number(per_class[name], form) for _, per_class in rows)) for name in names]
    return markdown_table((first, *(title for title, _ in rows)), lines)


def values_table(record: Mapping[str, Any]) -> str:
    """What every mean is made of."""
    titles = {column['name']: column['title'] for column in record['columns']}
    lines = [
        (
            row['title'],
            titles[column],
            entry['sd_over'],
            ' '.join(f'{value:.2f}' for value in entry['values'].values()),
            ' '.join(f'{value:.2f}' for value in entry.get('draws') or ()) or NONE,
        )
        for row in record['rows']
        for column, entry in row['entries'].items()
    ]
    return markdown_table(('row', 'column', 'over', 'values', 'draws'), lines)


def cell_table(record: Mapping[str, Any]) -> str:
    """Every cell with what became of it."""
    lines = [
        (cell['name'], cell['status'], number(cell.get('seconds'), '.0f'), message_of(cell)) for cell in record['cells']
    ]
    return markdown_table(('cell', 'status', 'seconds', 'message'), lines)
