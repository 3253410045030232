"""The numbers of a quickstart: the records of its protocols, as tables and in plain sentences."""

from collections.abc import Mapping
from typing import Any

from ...files import nan_to_none, read_json
from ...probe.rows import PRETRAINED, TITLES
from ..runner import describe_machine
from ..runner.markdown import markdown_table, number, plus_minus
from ..runner.scalars import training_summary
from .choices import SEED, Quickstart

STARTS = {'scratch': 'from scratch', 'pretrained': 'from DOS weights'}
TASKS = {
    'detection': ('detection', 'official nuScenes devkit', 'AP'),
    'finetune': ('segmentation', 'confusion matrix of all points', 'IoU'),
}
"""Protocol -> what its models do, who computes the numbers, the number that there is for every class."""
PROBE_ROWS = {name: TITLES[name] for name in ('raw', 'random', 'random_raw', 'handcrafted', *PRETRAINED)} | {
    'raw': 'raw input (x, y, z, intensity, time lag)',
    'handcrafted': 'hand-crafted pillar statistics + raw',
}


def collect(quickstart: Quickstart, seconds: Mapping[str, float]) -> dict[str, Any]:
    """Everything that goes into report.json."""
    report = {
        'seed': SEED,
        'model': quickstart.choice.model,
        'pretrain': training_summary(quickstart.checkpoint.parent),
        'probe': read_json(quickstart.record('linear_probe')),
        'finetune': read_json(quickstart.record(quickstart.choice.protocol)),
        'seconds': dict(seconds),
        **describe_machine(),
    }
    report['conclusions'] = conclusions(report)
    return nan_to_none(report)


def probe_entries(report: Mapping[str, Any]) -> dict[str, Mapping[str, Any]]:
    """Name of a row of :data:`PROBE_ROWS` -> its entry, of those that were run."""
    found = {row['name']: row['entries']['miou'] for row in report['probe']['rows']}
    return {name: found[name] for name in PROBE_ROWS if name in found}


def probe_table(report: Mapping[str, Any], title: str = 'linear probe') -> str:
    """Features, mIoU with its spread over the draws, gain over random + raw."""
    entries = probe_entries(report)
    reference = entries['random_raw']['mean']
    rows = [
        (PROBE_ROWS[name], plus_minus(one['mean'], one['sd_draws']), f'{one["mean"] - reference:+.1f}')
        for name, one in entries.items()
    ]
    return markdown_table((title, 'mIoU [%]', 'over random + raw'), rows)


def finetuned(report: Mapping[str, Any]) -> dict[str, dict[str, Mapping[str, Any]]]:
    """Start of :data:`STARTS` -> number -> its entry, in percent; the first number has the classes."""
    record = report['finetune']
    titles = {column['name']: column['title'] for column in record['columns']}
    rows = {row['kind']: row['entries'] for row in reversed(record['rows'])}  # of several from scratch the first
    return {start: {title: rows[start][name] for name, title in titles.items()} for start in STARTS}


def finetune_table(report: Mapping[str, Any]) -> str:
    """The task's numbers, as fractions, and those of cars, of both models."""
    task, scorer, per_class = TASKS[report['finetune']['protocol']]
    found = finetuned(report)
    rows = []
    for start, entries in found.items():
        car = next(iter(entries.values()))['per_class'].get('car')
        numbers = [entry['mean'] / 100 for entry in entries.values()] + [None if car is None else car / 100]
        rows.append((f'{report["model"]} {STARTS[start]}', *(number(value, '.3f') for value in numbers)))
    return markdown_table((f'{task}, {scorer}', *found['scratch'], f'{per_class} car'), rows)


def seeds_note(report: Mapping[str, Any]) -> str:
    """How many pairs the table is the mean of."""
    n = report['finetune']['seeds']
    return 'one seed' if n == 1 else f'means and paired differences of {n} seeds'


def conclusions(report: Mapping[str, Any]) -> list[str]:
    """What was and what was not better, in plain sentences, from the numbers alone."""
    lines = [_compared(report, other) for other in ('random', 'random_raw', 'handcrafted', 'raw')]
    task = TASKS[report['finetune']['protocol']][0]
    return [*lines, f'{task.capitalize()}: {_finetune_sentence(report)}']


def _compared(report: Mapping[str, Any], other: str) -> str:
    dos, bar = (probe_entries(report)[name]['mean'] for name in ('dos', other))
    verb = 'beats' if dos > bar else 'does not beat'
    return f'Linear probe: DOS {verb} {PROBE_ROWS[other]}: {dos:.1f} against {bar:.1f} mIoU ({dos - bar:+.1f} points).'


def _finetune_sentence(report: Mapping[str, Any]) -> str:
    scratch, dos = finetuned(report).values()
    differences = {
        title: [(entry['values'][seed] - value) / 100 for seed, value in scratch[title]['values'].items()]
        for title, entry in dos.items()
    }
    title, first = next(iter(differences.items()))
    if len(first) == 1:
        found = 'a gain' if first[0] > 0 else 'no gain'
        numbers = ', '.join(f'{title} {values[0]:+.3f}' for title, values in differences.items())
        return f'{found} at this size ({numbers} with DOS weights). One seed, which may be chance.'
    same_sign = all(d > 0 for d in first) or all(d < 0 for d in first)
    agreement = 'all seeds agree in sign' if same_sign else 'the seeds disagree in sign, so this is no clear difference'
    each, mean = ', '.join(f'{d:+.3f}' for d in first), sum(first) / len(first)
    return f'{title} {mean:+.3f} with DOS weights, mean of {len(first)} paired seeds ({each}); {agreement}.'
