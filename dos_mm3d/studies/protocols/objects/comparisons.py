"""What pretrained rows are above every other row, in a table of objects."""

from collections.abc import Mapping, Sequence
from typing import Any

from ...runner.markdown import markdown_table, number
from ...runner.statistics import Estimate, difference_to, mean_estimate

HEADER = ('column', 'row', 'minus', 'difference', 'verdict')
EXACT = 'exact'


def comparisons(rows: Sequence[Mapping[str, Any]], columns: Mapping[str, str]) -> list[dict[str, Any]]:
    """Of every column: each pretrained row minus every row without pretraining, and minus the pretrained ones after
    it. columns: name -> title."""
    found = []
    for column, title in columns.items():
        scored = [(row, row['entries'][column]['values']) for row in rows if column in row['entries']]
        mine = [pair for pair in scored if pair[0]['kind'] == 'pretrained']
        others = [pair for pair in scored if pair[0]['kind'] != 'pretrained']
        for place, (row, values) in enumerate(mine):
            for other, theirs in others + mine[place + 1 :]:
                estimate = compared(values, theirs)
                names = {'column': title, 'row': row['title'], 'against': other['title']}
                found.append({**names, **estimate.as_record()})
    return found


def compared(values: Mapping[str, float], baseline: Mapping[str, float]) -> Estimate:
    """Difference of means, with Student's interval of the paired differences where both are of the same seeds or draws,
    else Welch's; one value of the baseline that no seed decides counts as exact."""
    shared = sorted(set(values) & set(baseline))
    if shared and set(values) == set(baseline):
        return mean_estimate([values[label] - baseline[label] for label in shared])
    if len(baseline) == 1 and set(baseline) != {EXACT}:
        mean = difference_to(list(values.values()), list(baseline.values())).mean
        return Estimate(mean, None, None, 1)
    return difference_to(list(values.values()), list(baseline.values()))


def comparison_table(record: Mapping[str, Any]) -> str:
    """Of a protocol's record; empty where nothing is compared."""
    if not record.get('comparisons'):
        return ''
    said = (
        'Differences, with the 95 % interval where there are several runs (paired where both rows have the same seeds '
        'or draws, else Welch):'
    )
    return f'{said}\n\n{markdown_table(HEADER, [_line(one) for one in record["comparisons"]])}'


def _line(one: Mapping[str, Any]) -> tuple[str, ...]:
    low, high = (number(one[name], '+.1f') for name in ('low', 'high'))
    interval = '' if one['low'] is None else f' [{low}, {high}]'
    return one['column'], one['row'], one['against'], f'{one["mean"]:+.1f}{interval}', one['verdict']
