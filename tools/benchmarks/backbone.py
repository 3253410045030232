"""Forward and backward of every backbone that DOS pretrains, on one whole sweep: time, memory, points per second."""

import argparse
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.util import find_spec
from itertools import product
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np
import torch
from mmdet3d.registry import MODELS
from mmengine.config import Config
from mmengine.registry import init_default_scope
from torch import nn
from tqdm import tqdm

import dos_mm3d  # noqa: F401  (registers the backbones, routes spconv's CPU computation)
from dos_mm3d.compat.spconv import GridTooLargeError
from dos_mm3d.studies.runner.markdown import markdown_table

from .measure import (
    Place,
    add_sweep_arguments,
    chosen_sweep,
    extra_peak_mib,
    gpu_status,
    places,
    seconds,
    with_columns,
)

ROOT = Path(__file__).resolve().parents[2]
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
    place: Place

    @property
    def label(self) -> str:
        return f'{self.name} {self.size}' + (f', {self.attention}' if self.attention else '')

    @property
    def possible(self) -> bool:
        """flash_attn is a package that only runs on a GPU."""
        return self.attention != 'flash_attn' or (self.place.threads is None and find_spec('flash_attn') is not None)


def jobs(names: list[str], sizes: list[str], threads: list[int]) -> Iterator[Job]:
    """Every backbone at every size, PTv3 with each attention, on the CPU and on the GPU where there is one."""
    for size, name in product(sizes, names):
        for attention, place in product(ATTENTIONS if name == 'ptv3' else (None,), places(threads)):
            yield Job(name, size, attention, place)


def config_of(job: Job) -> Config:
    """The pretraining config of a job."""
    cfg = Config.fromfile(ROOT / 'configs/dos' / f'{CONFIGS[job.size][job.name]}.py')
    if job.attention is not None:
        cfg.model.backbone.ptv3.setdefault('block', {})['attention'] = job.attention
    return cfg


class Step:
    """Forward and backward of one backbone on one sweep: all its loss voxels, nothing masked."""

    def __init__(self, job: Job, points: np.ndarray) -> None:
        torch.manual_seed(0)
        cfg, device = config_of(job), job.place.device
        self.backbone: nn.Module = MODELS.build(cfg.model.backbone).to(device).train()
        preprocessor = MODELS.build(cfg.model.data_preprocessor).to(device).eval()
        # x, y, z, intensity of the sweep
        cloud = torch.from_numpy(with_columns(points[:, :4], len(cfg.input_channels)))
        inside, cells, cell_of_point = preprocessor.grid(self.backbone.loss_stride).occupied(cloud)
        cloud = cloud[inside].to(device)
        self.points, self.device = len(cloud), device
        self.cells = nn.functional.pad(cells, (1, 0)).to(device)
        self.voxel_dict = preprocessor.voxelize_points([cloud], cell_of_point.to(device))
        self.out = None

    def forward(self) -> None:
        """No gradients yet, and fresh tensors, as in training: no index pairs kept on them survive."""
        self.backbone.zero_grad()
        fresh = {name: value.clone() for name, value in self.voxel_dict.items()}
        self.out = self.backbone(fresh, self.cells, 1)

    def backward(self) -> None:
        """Gradients of every parameter."""
        self.out.sum().backward()
        self.out = None

    def both(self) -> None:
        """What the memory is measured of."""
        self.forward()
        self.backward()


def row_of(job: Job, points: np.ndarray, repeats: int) -> dict[str, Any]:
    """One row of the record; 'reason' where the job cannot run here, such as a grid too large for spconv's CPU code."""
    row = {'label': job.label, 'place': str(job.place)}
    if not job.possible:
        return row | {'reason': 'flash_attn needs a GPU and the package flash-attn'}
    try:
        return row | measure(job, points, repeats)
    except GridTooLargeError as error:
        return row | {'reason': str(error)}


def measure(job: Job, points: np.ndarray, repeats: int) -> dict[str, Any]:
    """Size, memory, and seconds of every repetition, the warm-up left out."""
    if job.place.threads is not None:
        torch.set_num_threads(job.place.threads)
    step = Step(job, points)
    step.both()
    runs = [[seconds(part, step.device)[0] for part in (step.forward, step.backward)] for _ in range(repeats)]
    return {
        'parameters': sum(p.numel() for p in step.backbone.parameters()),
        'points': step.points,
        'loss_voxels': len(step.cells),
        'forward_s': [run[0] for run in runs],
        'backward_s': [run[1] for run in runs],
        'extra_memory_mib': extra_peak_mib(step.both, step.device),
    }


def cells(row: dict[str, Any]) -> list[str]:
    """What stands under TITLE, 'not run' where it was not."""
    if 'forward_s' not in row:
        return [row['label'], '-', row['place'], *['not run'] * (len(TITLE) - 3)]
    forward, backward = median(row['forward_s']), median(row['backward_s'])
    return [
        row['label'],
        f'{row["parameters"] / 1e6:.1f} M',
        row['place'],
        str(row['loss_voxels']),
        f'{forward:.2f} s',
        f'{backward:.2f} s',
        'not known' if row['extra_memory_mib'] is None else f'{row["extra_memory_mib"]:.0f} MiB',
        f'{row["points"] / (forward + backward):.0f}',
    ]


def run(arguments: argparse.Namespace) -> dict[str, Any]:
    """Print the table; the record."""
    init_default_scope('mmdet3d')
    points, source = chosen_sweep(arguments)
    todo = list(jobs(arguments.backbones, arguments.sizes, arguments.threads))
    rows = [row_of(job, points, arguments.repeats) for job in tqdm(todo, unit='row')]
    print(f'{source}, {len(points)} points; medians of {arguments.repeats} runs')
    print(markdown_table(TITLE, list(map(cells, rows))))
    for row in rows:
        if 'reason' in row:
            print(f'{row["label"]}, {row["place"]}, not run: {row["reason"]}')
    print(f'GPU: {gpu_status()}')
    return {'rows': rows, 'sweep': source, 'gpu': gpu_status()}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Arguments of `benchmark.py backbone`."""
    add_sweep_arguments(parser)
    parser.add_argument('--backbones', nargs='+', choices=list(CONFIGS['small']), default=list(CONFIGS['small']))
    parser.add_argument('--sizes', nargs='+', choices=list(CONFIGS), default=list(CONFIGS))
    parser.add_argument('--threads', nargs='+', type=int, default=[1, 2], help='CPU threads (default: 1 2)')
    parser.add_argument('--repeats', type=int, default=3, help='timed runs of a row (default: 3)')
