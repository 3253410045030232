"""What docs/results.md says of the planted worlds: tests/references/planted_worlds.py."""

from collections.abc import Mapping
from typing import Any

from .runner.markdown import markdown_table, plus_minus
from .runner.statistics import paired_difference, sample_sd

COMPARED = (
    ('clustering', 'naive'),
    ('uniform', 'softmap'),
    ('uniform', 'clustering'),
    ('regression', 'clustering'),
    ('zipf_1p3', 'uniform'),
    ('auto', 'uniform'),
)
"""Rows, and what each is compared with."""


def planted_tables(record: Mapping[str, Any]) -> str:
    """mIoU of every method in every world, what each buys, and how many prototypes are of the largest class."""
    worlds, titles = record['worlds'], {'random': 'random initialisation', **record['titles']}
    header = ('mIoU [%]', *(str(number) for number in range(1, len(worlds) + 1)))

    def values(world: Mapping[str, Any], method: str, name: str) -> list[float]:
        return [one[name] for one in world['results'][method]]

    def told_of(world: Mapping[str, Any], method: str) -> str:
        found = values(world, method, 'miou')
        return plus_minus(sum(found) / len(found), sample_sd(found))

    def difference(world: Mapping[str, Any], row: str, above: str, name: str) -> str:
        found = paired_difference(*(dict(enumerate(values(world, method, name))) for method in (row, above)))
        interval = '' if found.low is None else f' [{found.low:+.1f}, {found.high:+.1f}]'
        return f'{found.mean:+.1f}{interval}'

    rows = [(title, *(told_of(world, name) for world in worlds)) for name, title in titles.items()]
    compared = [
        (f'{titles[row]} against {titles[above]}', *(difference(world, row, above, 'miou') for world in worlds))
        for row, above in COMPARED
    ]
    nearest = [
        (titles[name], *(f'{sum(values(world, name, "on_largest")) / record["seeds"]:.1f}' for world in worlds))
        for name in ('clustering', 'uniform', 'zipf_1p3')
    ]
    return '\n\n'.join(
        (
            markdown_table(header, rows),
            f'Paired differences over {record["seeds"]} seeds, with their 95 % interval (Student):',
            markdown_table(('mIoU', *header[1:]), compared),
            'Prototypes, of 32, that are nearest to places of the largest class:',
            markdown_table(('', *header[1:]), nearest),
            f'{record["steps"]} steps a run, one thread. Commit `{record["commit"][:10]}`.',
        )
    )
