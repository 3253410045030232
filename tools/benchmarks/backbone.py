"""Forward and backward of every backbone that DOS pretrains, on one whole sweep: time, memory, points per second."""

import argparse
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from importlib.util import find_spec
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np
import torch
from mmdet3d.registry import MODELS
from mmengine.config import Config
from mmengine.registry import init_default_scope
from torch import Tensor, nn

import dos_mm3d  # noqa: F401  (registers the backbones, routes spconv's CPU computation)
from dos_mm3d.compat.spconv import GridTooLargeError
from dos_mm3d.files import write_json
from dos_mm3d.studies.runner.facts import commit, machine, versions

from .conv import read_sweep, synthetic_sweep
from .measure import extra_peak_mib, seconds

ROOT = Path(__file__).resolve().parents[2]
SIZES = ('small', 'base')
# size -> the pretraining configs whose backbone has it: small ones train on two cores, base ones on real data sets
CONFIGS = {
    'small': {
        name: f'dos_{name}_synthetic' for name in ('second', 'minkunet', 'spvcnn', 'cylinder3d', 'pillars', 'ptv3')
    },
    'base': {
        'second': 'dos_second_nuscenes',
        'minkunet': 'dos_minkunet_nuscenes',
        'spvcnn': 'dos_spvcnn_semantickitti',
        'cylinder3d': 'dos_cylinder3d_semantickitti',
        'pillars': 'dos_pillars_nuscenes',
        'ptv3': 'dos_ptv3_nuscenes',
    },
}
ATTENTIONS = ('sdpa', 'flash_attn')
TITLE = ('backbone', 'parameters', 'where', 'loss voxels', 'forward', 'backward', 'extra memory', 'points / s')


@dataclass(frozen=True)
class Job:
    """One row of the table."""

    name: str
    size: str
    attention: str | None
    device: torch.device
    threads: int | None

    @property
    def label(self) -> str:
        return f'{self.name} {self.size}' + (f', {self.attention}' if self.attention else '')

    @property
    def place(self) -> str:
        return 'GPU' if self.threads is None else f'CPU, {self.threads} thread{"s" * (self.threads > 1)}'

    @property
    def possible(self) -> bool:
        """flash_attn is a package that only runs on a GPU."""
        return self.attention != 'flash_attn' or (self.device.type == 'cuda' and find_spec('flash_attn') is not None)


def jobs(names: list[str], sizes: list[str], threads: list[int]) -> Iterator[Job]:
    """Every backbone at every size, PTv3 with each attention, on the CPU and on the GPU where there is one."""
    places = [(torch.device('cpu'), count) for count in threads]
    places += [(torch.device('cuda'), None)] if torch.cuda.is_available() else []
    for size in sizes:
        for name in names:
            for attention in ATTENTIONS if name == 'ptv3' else (None,):
                for device, count in places:
                    yield Job(name, size, attention, device, count)


def config_of(job: Job) -> Config:
    """The pretraining config of a job."""
    cfg = Config.fromfile(ROOT / 'configs/dos' / f'{CONFIGS[job.size][job.name]}.py')
    if job.attention is not None:
        cfg.model.backbone.ptv3.setdefault('block', {})['attention'] = job.attention
    return cfg


def as_input(points: np.ndarray, columns: int) -> Tensor:
    """x, y, z, intensity of a sweep as the config's (n, columns); further columns, such as a time lag, are 0."""
    found = torch.zeros(len(points), columns)
    found[:, : min(4, columns)] = torch.from_numpy(points[:, : min(4, columns)])
    return found


class Step:
    """Forward and backward of one backbone on one sweep: all its loss voxels, nothing masked."""

    def __init__(self, job: Job, points: np.ndarray) -> None:
        torch.manual_seed(0)
        cfg = config_of(job)
        self.backbone: nn.Module = MODELS.build(cfg.model.backbone).to(job.device).train()
        preprocessor = MODELS.build(cfg.model.data_preprocessor).to(job.device).eval()
        cloud = as_input(points, len(cfg.input_channels))
        inside, cells, cell_of_point = preprocessor.grid(self.backbone.loss_stride).occupied(cloud)
        cloud = cloud[inside].to(job.device)
        self.points, self.device = len(cloud), job.device
        self.cells = nn.functional.pad(cells, (1, 0)).to(job.device)
        self.voxel_dict = preprocessor.voxelize_points([cloud], cell_of_point.to(job.device))
        self.out = None

    def forward(self) -> None:
        """Fresh tensors, as in training: no index pairs kept on them survive."""
        fresh = {name: value.clone() for name, value in self.voxel_dict.items()}
        self.out = self.backbone(fresh, self.cells, 1)

    def backward(self) -> None:
        """Gradients of every parameter; dropped before the next call."""
        self.out.sum().backward()
        self.out = None

    def both(self) -> None:
        """What the memory is measured of."""
        self.backbone.zero_grad()
        self.forward()
        self.backward()

    def timed(self) -> tuple[float, float]:
        """Seconds of a forward and of its backward."""
        self.backbone.zero_grad()
        return tuple(seconds(part, self.device)[0] for part in (self.forward, self.backward))


def row_of(job: Job, points: np.ndarray, repeats: int) -> dict[str, Any]:
    """One row of the record; 'reason' where the job cannot run here, such as a grid too large for spconv's CPU code."""
    row = {'label': job.label, 'place': job.place}
    if not job.possible:
        return row | {'reason': 'flash_attn needs a GPU and the package flash-attn'}
    try:
        return row | measure(job, points, repeats)
    except GridTooLargeError as error:
        return row | {'reason': str(error)}


def measure(job: Job, points: np.ndarray, repeats: int) -> dict[str, Any]:
    """Size, memory, and seconds of every repetition, the warm-up left out."""
    if job.threads is not None:
        torch.set_num_threads(job.threads)
    step = Step(job, points)
    step.both()
    runs = [step.timed() for _ in range(repeats)]
    return {
        'parameters': sum(p.numel() for p in step.backbone.parameters()),
        'points': step.points,
        'loss_voxels': len(step.cells),
        'forward_s': [run[0] for run in runs],
        'backward_s': [run[1] for run in runs],
        'extra_memory_mib': extra_peak_mib(partial(step.both), job.device),
    }


def line(row: dict[str, Any]) -> str:
    """One markdown row, 'not run' where it was not."""
    if 'forward_s' not in row:
        return f'| {row["label"]} | - | {row["place"]} |' + ' not run |' * (len(TITLE) - 3)
    forward, backward = median(row['forward_s']), median(row['backward_s'])
    memory = 'not known' if row['extra_memory_mib'] is None else f'{row["extra_memory_mib"]:.0f} MiB'
    cells = (
        row['label'],
        f'{row["parameters"] / 1e6:.1f} M',
        row['place'],
        row['loss_voxels'],
        f'{forward:.2f} s',
        f'{backward:.2f} s',
        memory,
        f'{row["points"] / (forward + backward):.0f}',
    )
    return '| ' + ' | '.join(map(str, cells)) + ' |'


def run(arguments: argparse.Namespace) -> None:
    """Print the table row by row, and write the record where asked to."""
    init_default_scope('mmdet3d')
    points = read_sweep(arguments.sweep, arguments.columns) if arguments.sweep else synthetic_sweep()
    source = arguments.sweep.name if arguments.sweep else 'a synthetic 32-beam sweep'
    print(f'{source}, {len(points)} points; medians of {arguments.repeats} runs', flush=True)
    print('| ' + ' | '.join(TITLE) + ' |\n|' + '---|' * len(TITLE), flush=True)
    rows = []
    for job in jobs(arguments.backbones, arguments.sizes, arguments.threads):
        rows.append(row_of(job, points, arguments.repeats))
        print(line(rows[-1]), flush=True)
    for row in rows:
        if 'reason' in row:
            print(f'{row["label"]}, {row["place"]}, not run: {row["reason"]}')
    gpu = 'run' if torch.cuda.is_available() else 'not run'
    print(f'GPU: {gpu}')
    if arguments.json:
        facts = {'sweep': source, 'gpu': gpu, 'versions': versions(), 'machine': machine(), 'commit': commit(ROOT)}
        write_json(arguments.json, {'rows': rows, **facts})


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Arguments of `benchmark.py backbone`."""
    parser.add_argument('--sweep', type=Path, help='headerless float32 file of points; default: a synthetic sweep')
    parser.add_argument('--columns', type=int, help='float32 columns of --sweep (default: 5 in .pcd.bin, else 4)')
    parser.add_argument('--backbones', nargs='+', choices=list(CONFIGS['small']), default=list(CONFIGS['small']))
    parser.add_argument('--sizes', nargs='+', choices=SIZES, default=list(SIZES))
    parser.add_argument('--threads', nargs='+', type=int, default=[1, 2], help='CPU threads (default: 1 2)')
    parser.add_argument('--repeats', type=int, default=3, help='timed runs of a row (default: 3)')
    parser.add_argument('--json', type=Path, help='write the record to this file')
    parser.set_defaults(run=run)
