"""What pretraining buys: paired differences to training from scratch, and whether the pairs were fair."""

from collections.abc import Mapping, Sequence
from typing import Any

from ..runner.markdown import NONE, markdown_table
from ..runner.statistics import paired_difference

NO_FAIR_PAIR = {'mean': None, 'low': None, 'high': None, 'n': 0, 'verdict': NONE}
HEADER = ('', 'row', 'DOS - scratch', 'pairs', 'verdict', 'remark')


def fair_pair(scratch: Mapping[str, Any], pretrained: Mapping[str, Any]) -> list[str]:
    """What two runs do not share though they should, from their `start.json`: 'initial head', 'length'; 'initial
    encoder' where that is the same. Empty for a fair pair.

    Different inputs do not make a pair unfair: a training that was interrupted goes on with other random numbers.
    """
    wrong = {
        'initial head': scratch['rest'] != pretrained['rest'],
        'length': scratch['iters'] != pretrained['iters'],
        'initial encoder (it is the same)': scratch['encoder'] == pretrained['encoder'],
    }
    return [name for name, is_wrong in wrong.items() if is_wrong]


def difference(
    scratch: Mapping[int, Mapping[str, Any]], pretrained: Mapping[int, Mapping[str, Any]], key: str
) -> dict[str, Any] | None:
    """Paired difference of `values[key]`, pretrained - scratch, over the seeds of fair pairs; None without any pair.

    seed -> what a cell collected. The record says which seeds were no fair pair, and at which the two saw the very
    same batches. Where no pair is fair its mean is None.
    """
    shared = sorted(set(scratch) & set(pretrained))
    unfair = {seed: fair_pair(scratch[seed]['start'], pretrained[seed]['start']) for seed in shared}
    fair = [seed for seed in shared if not unfair[seed]]
    found = paired_difference(
        {seed: pretrained[seed]['values'][key] for seed in fair}, {seed: scratch[seed]['values'][key] for seed in fair}
    )
    if not shared:
        return None
    same = [seed for seed in fair if scratch[seed]['start']['inputs'] == pretrained[seed]['start']['inputs']]
    return {
        **(NO_FAIR_PAIR if found is None else found.as_record()),
        'seeds': fair,
        'unfair': {f'seed {seed}': reasons for seed, reasons in unfair.items() if reasons},
        'same_batches': same,
    }


def difference_table(record: Mapping[str, Any]) -> str:
    """Of a protocol's record; empty where nothing is paired."""
    if not record.get('differences'):
        return ''
    said = 'Paired differences, with their 95 % interval (Student) over the seeds where there are several:'
    return f'{said}\n\n{markdown_table(HEADER, difference_lines(record["differences"]))}'


def difference_lines(differences: Sequence[Mapping[str, Any]]) -> list[tuple[str, ...]]:
    """Rows of the table of differences: column, row, difference with its interval, number of pairs, verdict, what is
    to be said."""
    lines = []
    for found in differences:
        mean = NONE if found['mean'] is None else f'{found["mean"]:+.1f}'
        interval = '' if found['low'] is None else f' [{found["low"]:+.1f}, {found["high"]:+.1f}]'
        said = [f'{name} left out: {", ".join(reasons)} differs' for name, reasons in found['unfair'].items()]
        if resumed := [seed for seed in found['seeds'] if seed not in found['same_batches']]:
            said.append(f'augmentation differs at seed {", ".join(map(str, resumed))} (one was interrupted)')
        lines.append(
            (
                found['column'],
                found['row'],
                f'{mean}{interval}',
                str(found['n']),
                found['verdict'],
                '; '.join(said) or '-',
            )
        )
    return lines
