"""What a training run logged and what a test run was scored, as numbers."""

import json
from pathlib import Path
from typing import Any

import numpy as np

from ...errors import MissingFileError
from ...files import nan_to_none, read_json

RESULTS = Path('pred_instances_3d') / 'results_nusc.json'
SUMMARY = Path('pred_instances_3d') / 'metrics_summary.json'
MONITORS = ('effective_rank', 'cosine_std', 'prototypes_used', 'column_entropy', 'feature_spread', 'largest_usage')


def read_scalars(work_dir: Path) -> dict[str, dict[str, list[float]]]:
    """Every scalar that a run logged: name -> {'step', 'value'}, by step.

    A resumed run has one log per start; where they overlap the later one counts. FileNotFoundError without any log.
    """
    files = sorted(work_dir.glob('*/vis_data/scalars.json'))
    if not files:
        raise MissingFileError(f'{work_dir}: no */vis_data/scalars.json there; is it the work_dir of a training run?')
    by_name: dict[str, dict[int, float]] = {}
    for file in files:
        for line in file.read_text().splitlines():
            record = _whole_line(line)
            for name, value in record.items():
                if isinstance(value, int | float):
                    by_name.setdefault(name, {})[int(record['step'])] = float(value)
    return {
        name: {'step': sorted(values), 'value': [values[step] for step in sorted(values)]}
        for name, values in by_name.items()
    }


def _whole_line(line: str) -> dict[str, Any]:
    """The record of a line; a kill leaves the last one half written, which says nothing."""
    try:
        record = json.loads(line)
    except json.JSONDecodeError:
        return {}
    return record if 'step' in record else {}


def training_summary(work_dir: Path) -> dict[str, Any]:
    """steps, seconds (sum of the logged step times), first and last loss, the last value of every collapse monitor, and
    of all that a run logged; empty where it logged nothing yet. Losses are means over the logging interval."""
    try:
        scalars = read_scalars(work_dir)
    except FileNotFoundError:
        return {}
    if not {'loss', 'time'} <= scalars.keys():
        return {}
    loss, per_step = scalars['loss'], scalars['time']
    last = {name: found['value'][-1] for name, found in scalars.items() if name not in ('time', 'data_time', 'step')}
    return {
        'steps': int(loss['step'][-1]),
        'seconds': float(np.dot(np.diff([0, *per_step['step']]), per_step['value'])),
        'loss_first': loss['value'][0],
        'loss_last': loss['value'][-1],
        'monitors': {name: last[name] for name in MONITORS if name in last},
        'last_scalars': last,
    }


def read_devkit_summary(folder: Path) -> dict[str, Any]:
    """mAP, NDS, AP per class (mean over the four distances) and true-positive errors of one test run.

    folder: what the evaluator's `jsonfile_prefix` named. FileNotFoundError where the devkit wrote nothing there.
    """
    summary = read_json(folder / SUMMARY)
    return {
        'mAP': float(summary['mean_ap']),
        'NDS': float(summary['nd_score']),
        'AP': {name: float(ap) for name, ap in summary['mean_dist_aps'].items()},
        'errors': nan_to_none(summary['tp_errors']),
    }
