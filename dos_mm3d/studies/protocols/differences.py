"""What pretraining buys: paired differences to training from scratch, and whether the pairs were fair."""

from collections.abc import Mapping
from typing import Any

from ..runner.markdown import NONE, markdown_table
from ..runner.start_record import unfair
from ..runner.statistics import paired_difference

NO_FAIR_PAIR = {'mean': None, 'low': None, 'high': None, 'n': 0, 'verdict': NONE}
HEADER = ('', 'row', 'DOS - scratch', 'pairs', 'verdict', 'remark')


def difference(
    scratch: Mapping[int, Mapping[str, Any]], pretrained: Mapping[int, Mapping[str, Any]], key: str
) -> dict[str, Any] | None:
    """Paired difference of `values[key]`, pretrained - scratch, over the seeds of fair pairs; None without any pair.

    seed -> what a cell collected. The record says which seeds were no fair pair, and at which the two saw the very
    same batches. Where no pair is fair its mean is None.
    """
    shared = sorted(set(scratch) & set(pretrained))
    wrong = {seed: unfair(scratch[seed]['start'], pretrained[seed]['start']) for seed in shared}
    fair = [seed for seed in shared if not wrong[seed]]
    found = paired_difference(
        {seed: pretrained[seed]['values'][key] for seed in fair}, {seed: scratch[seed]['values'][key] for seed in fair}
    )
    if not shared:
        return None
    same = [seed for seed in fair if scratch[seed]['start']['inputs'] == pretrained[seed]['start']['inputs']]
    return {
        **(NO_FAIR_PAIR if found is None else found.as_record()),
        'seeds': fair,
        'unfair': {f'seed {seed}': reasons for seed, reasons in wrong.items() if reasons},
        'same_batches': same,
    }


def difference_table(record: Mapping[str, Any]) -> str:
    """Of a protocol's record; empty where nothing is paired."""
    if not record.get('differences'):
        return ''
    said = 'Paired differences, with their 95 % interval (Student) over the seeds where there are several:'
    return f'{said}\n\n{markdown_table(HEADER, [_line(found) for found in record["differences"]])}'


def _line(found: Mapping[str, Any]) -> tuple[str, ...]:
    """Column, row, difference with its interval, number of pairs, verdict, what is to be said."""
    mean = NONE if found['mean'] is None else f'{found["mean"]:+.1f}'
    interval = '' if found['low'] is None else f' [{found["low"]:+.1f}, {found["high"]:+.1f}]'
    said = [f'{name} left out: {", ".join(reasons)} differs' for name, reasons in found['unfair'].items()]
    if resumed := [seed for seed in found['seeds'] if seed not in found['same_batches']]:
        said.append(f'augmentation differs at seed {", ".join(map(str, resumed))} (one was interrupted)')
    remark = '; '.join(said) or NONE
    return found['column'], found['row'], f'{mean}{interval}', str(found['n']), found['verdict'], remark
