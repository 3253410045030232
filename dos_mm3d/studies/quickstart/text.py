"""One table and plain sentences, computed from the numbers of a quickstart's report."""

from collections.abc import Mapping
from typing import Any

from .finetune_record import STARTS, TASKS
from .probe_table import PROBE_ROWS, probe_table

NONE = '-'
START_LABELS = {'scratch': 'from scratch', 'dos': 'from DOS weights'}


def task_of(report: Mapping[str, Any]) -> str:
    """The task that a report's models were fine-tuned for."""
    return next(name for name in TASKS if name in report)


def finetune_table(report: Mapping[str, Any]) -> list[tuple[str, ...]]:
    """(start, the task's numbers, car) of both models."""
    task = task_of(report)
    keys, per_class = TASKS[task].keys, TASKS[task].per_class
    runs = [(report[task][start], START_LABELS[start]) for start in STARTS]
    return [
        (
            f'{report[task]["model"]} {label}',
            *(f'{run[key]:.3f}' for key in keys),
            NONE if (car := run[per_class].get('car')) is None else f'{car:.3f}',
        )
        for run, label in runs
    ]


def finetune_header(task: str) -> tuple[str, ...]:
    """Header of :func:`finetune_table`."""
    return (f'{task}, {TASKS[task].scorer}', *TASKS[task].keys, f'{TASKS[task].per_class} car')


def plain_table(report: Mapping[str, Any]) -> str:
    """The one table that the quickstart prints, and the conclusions below it."""
    rows = [('linear probe, mIoU [%]', '', 'over random + raw'), *probe_table(report['probe'])]
    tuned = [finetune_header(task_of(report)), *finetune_table(report)]
    width = max(len(row[0]) for row in [*rows, *tuned])
    lines = [f'{name:<{width}}  {value:>13}  {gain:>17}' for name, value, gain in rows]
    lines.append('-' * len(lines[0]))
    lines += [f'{row[0]:<{width}}  ' + ' '.join(f'{value:>7}' for value in row[1:]) for row in tuned]
    return '\n'.join(['', *lines, '', *conclusions(report), ''])


def conclusions(report: Mapping[str, Any]) -> list[str]:
    """What was and what was not better, in plain sentences, from the numbers alone."""
    probe = report['probe']
    lines = [_compared(probe, other) for other in ('random', 'random_raw', 'handcrafted', 'raw')]
    return [*lines, _finetune_sentence(report)]


def _compared(probe: Mapping[str, Any], other: str) -> str:
    gain = probe['dos']['miou'] - probe[other]['miou']
    verb = 'beats' if gain > 0 else 'does not beat'
    numbers = f'{probe["dos"]["miou"]:.1f} against {probe[other]["miou"]:.1f} mIoU ({gain:+.1f} points)'
    return f'Linear probe: DOS {verb} {PROBE_ROWS[other]}: {numbers}.'


def _finetune_sentence(report: Mapping[str, Any]) -> str:
    task = task_of(report)
    keys, seeds = TASKS[task].keys, report[task]['seeds']
    differences = [seed[f'{keys[0]}_difference'] for seed in seeds]
    mean = sum(differences) / len(differences)
    if len(differences) == 1:
        found = 'a gain' if mean > 0 else 'no gain'
        numbers = ', '.join(f'{key} {seeds[0][f"{key}_difference"]:+.3f}' for key in keys)
        return f'{task.capitalize()}: {found} at this size ({numbers} with DOS weights). One seed, which may be chance.'
    same_sign = all(d > 0 for d in differences) or all(d < 0 for d in differences)
    agreement = 'all seeds agree in sign' if same_sign else 'the seeds disagree in sign, so this is no clear difference'
    each = ', '.join(f'{d:+.3f}' for d in differences)
    gain = f'{keys[0]} {mean:+.3f} with DOS weights, mean of {len(differences)} paired seeds ({each})'
    return f'{task.capitalize()}: {gain}; {agreement}.'
