"""Two processes of one thread against one, through tools/dist_train.sh: scans a second of a pretraining."""

import argparse
import os
import subprocess
import sys
from itertools import product
from pathlib import Path
from statistics import mean
from tempfile import TemporaryDirectory
from typing import Any

from mmengine.registry import init_default_scope
from tqdm import tqdm

from dos_mm3d.datasets.nuscenes.sweeps import COLUMNS
from dos_mm3d.errors import UserError
from dos_mm3d.studies.runner.markdown import markdown_table
from dos_mm3d.studies.runner.scalars import read_scalars

from .data import write_scan
from .measure import add_sweep_arguments, chosen_sweep, with_columns
from .step import MOST_SWEEPS, NUSCENES, ROOT, WARM_UP_STEPS, Job, training_config

RANKS = (1, 2)
TITLE = ('backbone', 'batch', *(f'{ranks} rank{"s" * (ranks > 1)}, scans / s' for ranks in RANKS), 'ratio')


def seconds_of_steps(job: Job, scan: Path, ranks: int, steps: int) -> list[float]:
    """What each of so many steps took on the wall, those that warm up and the last one left out.

    Raises:
        UserError: with the end of what was printed, where the training failed.
    """
    with TemporaryDirectory() as folder:
        work_dir = Path(folder) / 'run'
        cfg = training_config(job, scan, work_dir, WARM_UP_STEPS + steps + 1)
        cfg.default_hooks.logger.interval = 1
        cfg.dump(Path(folder) / 'config.py')
        command = ['bash', str(ROOT / 'tools/dist_train.sh'), str(Path(folder) / 'config.py'), str(ranks)]
        environment = os.environ | {'PYTHON': sys.executable, 'OMP_NUM_THREADS': str(job.threads)}
        done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
        if done.returncode:
            raise UserError(f'{job.label} in {ranks} processes: {(done.stderr or done.stdout)[-2000:]}')
        return read_scalars(work_dir)['time']['value'][WARM_UP_STEPS:-1]


def run(arguments: argparse.Namespace) -> dict[str, Any]:
    """Print scans a second of one and two ranks; the record."""
    init_default_scope('mmdet3d')
    points, source = chosen_sweep(arguments)
    rows = []
    with TemporaryDirectory() as folder:
        write_scan(Path(folder), with_columns(points, COLUMNS), MOST_SWEEPS)
        for name, batch_size in tqdm(list(product(arguments.backbones, arguments.batch_sizes)), unit='row'):
            job = Job(name, 'small', threads=1, batch_size=batch_size)
            times = {ranks: seconds_of_steps(job, Path(folder), ranks, arguments.steps) for ranks in RANKS}
            step_s = {str(ranks): found for ranks, found in times.items()}
            rows.append(dict(label=job.label, batch_size=batch_size, step_s=step_s))
    sweep = f'{source}, {len(points)} points'
    record = {'rows': rows, 'sweep': sweep, 'steps': arguments.steps, 'gpu': 'not run'}
    print(table(record))
    return record


def table(record: dict[str, Any]) -> str:
    """What was run, and scans a second under TITLE."""
    what = f'Over {record["sweep"]}; batch: scans a step and rank; means of {record["steps"]} steps.'
    return f'{what}\n\n{markdown_table(TITLE, [cells(row) for row in record["rows"]])}'


def cells(row: dict[str, Any]) -> list[str]:
    """What stands under TITLE."""
    one, two = (ranks * row['batch_size'] / mean(row['step_s'][str(ranks)]) for ranks in RANKS)
    return [row['label'], str(row['batch_size']), f'{one:.2f}', f'{two:.2f}', f'{two / one:.2f}']


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Arguments of `benchmark.py ranks`."""
    add_sweep_arguments(parser)
    names = list(NUSCENES['small'])
    parser.add_argument('--backbones', nargs='+', choices=names, default=['second', 'minkunet'])
    parser.add_argument('--batch-sizes', type=int, nargs='+', default=[1], help='scans of a step and rank (default: 1)')
    parser.add_argument('--steps', type=int, default=20, help='timed steps (default: 20)')
