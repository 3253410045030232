"""What pretraining adds to a probe: its rows against the best row without it."""

from collections.abc import Mapping, Sequence
from typing import Any

from ..runner.markdown import markdown_table, number
from ..runner.statistics import difference_to

COMPARED = ('dos', 'dos_raw_handcrafted')
"""Features whose rows are compared."""
HEADER = ('', 'row', 'best row without pretraining', 'difference', 'networks', 'verdict')


def gains(
    rows: Sequence[Mapping[str, Any]], columns: Mapping[str, str], compared: Sequence[str] = COMPARED
) -> list[dict[str, Any]]:
    """Of every column, some rows of a record minus the best row without pretraining, by its mean, over networks:
    Welch's interval; what has no network counts as exact. Columns without either are left out.

    columns: name -> title.  compared: names of rows."""
    found = []
    for column, title in columns.items():
        entries = {row['name']: (row, row['entries'].get(column)) for row in rows}
        scratch = [pair for pair in entries.values() if pair[0].get('kind') == 'scratch' and pair[1]]
        mine = [entries[name] for name in compared if name in entries and entries[name][1]]
        if not scratch or not mine:
            continue
        best, baseline = max(scratch, key=lambda pair: pair[1]['mean'])
        for row, entry in mine:
            estimate = difference_to(*(list(part['networks'].values()) for part in (entry, baseline)))
            found.append({'column': title, 'row': row['title'], 'against': best['title'], **estimate.as_record()})
    return found


def gain_table(record: Mapping[str, Any]) -> str:
    """Of a probe's record; empty where nothing is compared."""
    if not record.get('gains'):
        return ''
    said = 'Against the best row without pretraining, with the 95 % interval over networks where there are several:'
    return f'{said}\n\n{markdown_table(HEADER, [_line(gain) for gain in record["gains"]])}'


def _line(gain: Mapping[str, Any]) -> tuple[str, ...]:
    low, high = (number(gain[name], '+.1f') for name in ('low', 'high'))
    interval = '' if gain['low'] is None else f' [{low}, {high}]'
    difference = f'{gain["mean"]:+.1f}{interval}'
    return gain['column'], gain['row'], gain['against'], difference, str(gain['n']), gain['verdict']
