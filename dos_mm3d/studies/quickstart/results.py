"""The numbers of a quickstart: read from what its cells left, as tables, and in plain sentences."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from statistics import fmean
from typing import Any

from ...datasets.nuscenes.classes import CLASSES
from ...files import nan_to_none, read_json
from ...probe.rows import RAW_COLUMNS, TABLE_ROWS, TITLES
from ..runner import describe_machine
from ..runner.markdown import number, plus_minus
from ..runner.scalars import read_devkit_summary, read_scalars, summarise_pretraining
from ..runner.start_record import check_fair
from ..runner.statistics import means
from .choices import SEED, TASKS, Quickstart

STARTS = {'scratch': 'from scratch', 'dos': 'from DOS weights'}
UNITS = {
    'probe': 'mIoU, IoU and their standard deviations in percent (0-100)',
    'detection': 'mAP, NDS and AP as fractions (0-1), as the nuScenes devkit prints them',
    'segmentation': 'mIoU and IoU as fractions (0-1), as mmdet3d prints them',
    'seconds': 'wall clock',
}
PROBE_ROWS = {name: TITLES[name] for name in TABLE_ROWS} | {
    'raw': RAW_COLUMNS,
    'handcrafted': 'hand-crafted pillar statistics + raw',
}


def collect(quickstart: Quickstart, seconds: Mapping[str, float]) -> dict[str, Any]:
    """Everything that goes into report.json. ValueError where two runs were no fair pair."""
    report = {
        'units': UNITS,
        'seed': SEED,
        'pretrain': summarise_pretraining(read_scalars(quickstart.checkpoint.parent)),
        'probe': read_json(quickstart.probe),
        quickstart.choice.task: collect_finetuned(quickstart),
        'seconds': dict(seconds),
        **describe_machine(),
    }
    report['conclusions'] = conclusions(report)
    return nan_to_none(report)


def collect_finetuned(quickstart: Quickstart) -> dict[str, Any]:
    """{'scratch', 'dos': the task's numbers (means over the seeds), 'seeds': paired results and differences}.

    ValueError where two runs were no fair pair.
    """
    task, read = TASKS[quickstart.choice.task], READ[quickstart.choice.task]
    folders = {start: [quickstart.finetuned(start, seed) for seed in quickstart.seeds] for start in STARTS}
    runs = {start: [read(folder) for folder in folders[start]] for start in STARTS}
    found: dict[str, Any] = {}
    for start, several in runs.items():
        found[start] = {key: fmean(run[key] for run in several) for key in task.keys}
        found[start][task.per_class] = means([run[task.per_class] for run in several])
        if 'errors' in several[0]:
            found[start]['errors'] = [run['errors'] for run in several]
    found['seeds'] = [
        {
            'seed': seed,
            **{start: {key: runs[start][i][key] for key in task.keys} for start in STARTS},
            **{f'{key}_difference': runs['dos'][i][key] - runs['scratch'][i][key] for key in task.keys},
            **check_fair(folders['scratch'][i], folders['dos'][i]),
        }
        for i, seed in enumerate(quickstart.seeds)
    ]
    n = quickstart.n_seeds
    note = 'one seed' if n == 1 else f'means and paired differences of {n} seeds'
    return {**found, 'model': quickstart.choice.model, 'note': note}


def read_segmentation(run: Path) -> dict[str, Any]:
    """mIoU and IoU per class (None where the class is absent), fractions, of what tools/test.py --metrics wrote."""
    metrics = read_json(run / 'metrics.json')
    return {'mIoU': float(metrics['miou']), 'IoU': {name: metrics[name] for name in CLASSES}}


READ = {'detection': lambda run: read_devkit_summary(run / 'test'), 'segmentation': read_segmentation}


def probe_table(probe: Mapping[str, Any]) -> list[tuple[str, str, str]]:
    """(features, mIoU, gain over random + raw) per row that was run."""
    reference = probe['random_raw']['miou']
    return [
        (label, plus_minus(probe[key]['miou'], probe[key]['sd']), f'{probe[key]["miou"] - reference:+.1f}')
        for key, label in PROBE_ROWS.items()
        if key in probe
    ]


def task_of(report: Mapping[str, Any]) -> str:
    """The task that a report's models were fine-tuned for."""
    return next(name for name in TASKS if name in report)


def finetune_header(task: str) -> tuple[str, ...]:
    """Header of :func:`finetune_table`."""
    return (f'{task}, {TASKS[task].scorer}', *TASKS[task].keys, f'{TASKS[task].per_class} car')


def finetune_table(report: Mapping[str, Any]) -> list[tuple[str, ...]]:
    """(start, the task's numbers, car) of both models."""
    name = task_of(report)
    task, found = TASKS[name], report[name]
    return [
        (
            f'{found["model"]} {label}',
            *(f'{found[start][key]:.3f}' for key in task.keys),
            number(found[start][task.per_class].get('car'), '.3f'),
        )
        for start, label in STARTS.items()
    ]


def conclusions(report: Mapping[str, Any]) -> list[str]:
    """What was and what was not better, in plain sentences, from the numbers alone."""
    task, probe = task_of(report), report['probe']
    lines = [_compared(probe, other) for other in ('random', 'random_raw', 'handcrafted', 'raw')]
    return [*lines, f'{task.capitalize()}: {_finetune_sentence(TASKS[task].keys, report[task]["seeds"])}']


def _compared(probe: Mapping[str, Any], other: str) -> str:
    gain = probe['dos']['miou'] - probe[other]['miou']
    verb = 'beats' if gain > 0 else 'does not beat'
    numbers = f'{probe["dos"]["miou"]:.1f} against {probe[other]["miou"]:.1f} mIoU ({gain:+.1f} points)'
    return f'Linear probe: DOS {verb} {PROBE_ROWS[other]}: {numbers}.'


def _finetune_sentence(keys: Sequence[str], seeds: Sequence[Mapping[str, Any]]) -> str:
    differences = [seed[f'{keys[0]}_difference'] for seed in seeds]
    mean = sum(differences) / len(differences)
    if len(differences) == 1:
        found = 'a gain' if mean > 0 else 'no gain'
        numbers = ', '.join(f'{key} {seeds[0][f"{key}_difference"]:+.3f}' for key in keys)
        return f'{found} at this size ({numbers} with DOS weights). One seed, which may be chance.'
    same_sign = all(d > 0 for d in differences) or all(d < 0 for d in differences)
    agreement = 'all seeds agree in sign' if same_sign else 'the seeds disagree in sign, so this is no clear difference'
    each = ', '.join(f'{d:+.3f}' for d in differences)
    return f'{keys[0]} {mean:+.3f} with DOS weights, mean of {len(differences)} paired seeds ({each}); {agreement}.'
