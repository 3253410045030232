"""A pretraining step of every backbone by part, data to hooks: seconds and peak memory."""

import argparse
import os
from contextlib import ExitStack
from dataclasses import dataclass
from itertools import product
from pathlib import Path
from statistics import mean
from tempfile import TemporaryDirectory
from typing import Any

from mmengine.config import Config
from mmengine.hooks import Hook
from mmengine.registry import init_default_scope
from mmengine.runner import Runner
from tqdm import tqdm

import dos_mm3d  # noqa: F401  (registers all that a config names)
from dos_mm3d.datasets.nuscenes.sweeps import COLUMNS
from dos_mm3d.engine.launch import build_runner
from dos_mm3d.studies.runner.markdown import markdown_table

from .backbone import CONFIGS
from .data import write_scan
from .measure import CLEAR_REFS, add_sweep_arguments, chosen_sweep, compute_with, with_columns
from .parts import PARTS, Stopwatch, parts_of_a_step

ROOT = Path(__file__).resolve().parents[2]
WARM_UP_STEPS, MEMORY_STEPS = 3, 2
MOST_SWEEPS = 10  # of a scan in nuScenes' configs
# of a sweep in nuScenes' form
NUSCENES = {
    size: {name: config for name, config in configs.items() if config.endswith(('synthetic', 'nuscenes'))}
    for size, configs in CONFIGS.items()
}
TITLE = ('backbone', 'threads', 'batch', 'step, wall', 'step', *PARTS)


class StepTimes(Hook):
    """Times the parts of every step of a run.

    Args:
        memory: ask for the peak of memory, too, which takes so much time that none should be measured beside it.
    """

    priority = 'VERY_LOW'  # a step ends with the other hooks

    def __init__(self, *, memory: bool) -> None:
        self.watch = Stopwatch(memory=memory)
        self.steps: list[dict[str, dict[str, float]]] = []
        self.stack = ExitStack()

    def before_train_epoch(self, runner: Runner) -> None:
        self.stack.enter_context(parts_of_a_step(self.watch, runner))
        self.watch.start()

    def after_train_iter(
        self, runner: Runner, batch_idx: int, data_batch: dict | None = None, outputs: dict | None = None
    ) -> None:
        self.watch.charge()
        found = dict(wall_s=self.watch.wall_s, cpu_s=self.watch.cpu_s, peak_mib=self.watch.peak_mib)
        self.steps.append({name: dict(parts) for name, parts in found.items()})
        self.watch.start()

    def after_train_epoch(self, runner: Runner) -> None:
        self.stack.close()


@dataclass(frozen=True)
class Job:
    """One row of the tables."""

    name: str
    size: str
    threads: int
    batch_size: int

    @property
    def label(self) -> str:
        return f'{self.name} {self.size}'


def training_config(job: Job, scan: Path, work_dir: Path, steps: int) -> Config:
    """The pretraining config of a job over the scan that :func:`write_scan` left, in this process alone."""
    cfg = Config.fromfile(ROOT / 'configs/dos' / f'{NUSCENES[job.size][job.name]}.py')
    cfg.update(work_dir=str(work_dir), experiment_name=work_dir.name, log_level='ERROR', sync_bn=None)
    cfg.train_cfg.max_iters = steps
    cfg.train_dataloader.update(batch_size=job.batch_size, num_workers=0, persistent_workers=False)
    # the embedded set's scenes are not those of a single scan
    cfg.train_dataloader.dataset.update(data_root=str(scan), ann_file='infos.pkl', part=None, key_frames_only=True)
    return cfg


def steps_of(job: Job, scan: Path, *, steps: int, memory: bool) -> list[dict[str, dict[str, float]]]:
    """What each of so many steps took, by part; some before them warm up."""
    compute_with(job.threads)
    times = StepTimes(memory=memory)
    with TemporaryDirectory() as work_dir:
        # one more at the end, which draws curves and writes a checkpoint
        runner = build_runner(training_config(job, scan, Path(work_dir), WARM_UP_STEPS + steps + 1))
        runner.register_hook(times)
        runner.train()
    return times.steps[WARM_UP_STEPS:-1]


def measure(job: Job, scan: Path, steps: int) -> dict[str, Any]:
    """Means over the steps of each part, seconds of each step, and the largest peak of each part."""
    found = steps_of(job, scan, steps=steps, memory=False)
    row = dict(label=job.label, threads=job.threads, batch_size=job.batch_size)
    for clock in ('wall_s', 'cpu_s'):
        row[clock] = {part: sum(step[clock].get(part, 0.0) for step in found) / len(found) for part in PARTS}
        row[f'step_{clock}'] = [sum(step[clock].values()) for step in found]
    if os.access(CLEAR_REFS, os.W_OK):
        found = steps_of(job, scan, steps=MEMORY_STEPS, memory=True)
        row['peak_mib'] = {part: max(step['peak_mib'].get(part, 0.0) for step in found) for part in PARTS}
    return row


def tables(record: dict[str, Any]) -> str:
    """What was run, milliseconds, then MiB, under TITLE."""
    rows = record['rows']
    names = [[row['label'], str(row['threads']), str(row['batch_size'])] for row in rows]
    times, memory = [], []
    for name, row in zip(names, rows):
        step = [mean(row['step_wall_s']), sum(row['cpu_s'].values())]
        times.append(name + [f'{1e3 * seconds:.1f}' for seconds in (*step, *row['cpu_s'].values())])
        if 'peak_mib' in row:
            peaks = row['peak_mib'].values()
            memory.append(name + [f'{mib:.0f}' for mib in (max(peaks), *peaks)])
    what = (
        f'Milliseconds of {record["steps"]} steps over {record["sweep"]}: means, the first on the wall, the others of '
        'the time on the CPU, all threads together.'
    )
    parts = [what, markdown_table(TITLE, times)]
    if memory:
        parts += ['Most memory above that before a step, MiB:', markdown_table((*TITLE[:3], *TITLE[4:]), memory)]
    return '\n\n'.join(parts)


def run(arguments: argparse.Namespace) -> dict[str, Any]:
    """Print the tables; the record."""
    init_default_scope('mmdet3d')
    points, source = chosen_sweep(arguments)
    chosen = product(arguments.sizes, arguments.backbones, arguments.threads, arguments.batch_sizes)
    jobs = [Job(name, size, *rest) for size, name, *rest in chosen if name in NUSCENES[size]]
    with TemporaryDirectory() as scan:
        write_scan(Path(scan), with_columns(points, COLUMNS), MOST_SWEEPS)
        rows = [measure(job, Path(scan), arguments.steps) for job in tqdm(jobs, unit='row')]
    sweep = f'{source}, {len(points)} points'
    record = {'rows': rows, 'sweep': sweep, 'steps': arguments.steps, 'gpu': 'not run'}
    print(tables(record))
    return record


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Arguments of `benchmark.py step`."""
    add_sweep_arguments(parser)
    names = list(NUSCENES['small'])
    parser.add_argument('--backbones', nargs='+', choices=names, default=names)
    parser.add_argument('--sizes', nargs='+', choices=list(NUSCENES), default=['small'])
    parser.add_argument('--threads', nargs='+', type=int, default=[1, 2], help='CPU threads (default: 1 2)')
    parser.add_argument('--batch-sizes', nargs='+', type=int, default=[1], help='scans of a step (default: 1)')
    parser.add_argument('--steps', type=int, default=20, help='timed steps (default: 20, two looks of the monitor)')
