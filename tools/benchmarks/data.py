"""The data path of pretraining on one core: loading, two views, masking and packing of one scan, stage by stage."""

import argparse
from functools import partial
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory

import mmengine
import numpy as np
import torch
from mmdet3d.registry import DATASETS, MODELS
from mmengine.config import Config
from mmengine.registry import init_default_scope
from torch import Tensor
from tqdm import tqdm

import dos_mm3d  # noqa: F401  (registers data sets and transforms)
from dos_mm3d.datasets.nuscenes.sweeps import COLUMNS, NuScenesSweeps
from dos_mm3d.datasets.stream import SweepStream, sample_generator
from dos_mm3d.structures import pack_pairs
from dos_mm3d.studies.runner.markdown import markdown_table

from .measure import add_sweep_arguments, chosen_sweep, compute_with, seconds, with_columns

ROOT = Path(__file__).resolve().parents[2]
CONFIG = ROOT / 'configs/dos/dos_second_nuscenes.py'
CPU = torch.device('cpu')
STAGES = ('load', 'views', 'mask', 'pack')  # after loading one per step of the config's pipeline
TITLE = ('points', 'sweeps', 'clock', *STAGES, 'all', 'budget')
PERIOD_S, DRIVEN_M = 0.05, 0.5  # between two sweeps
JITTER_M = 0.05  # sd on each coordinate, so that no sweep repeats another
# sweeps of a scan -> milliseconds that it may take; previous sweeps lose the points of the car itself, a quarter of a
# real one: with 12 of them ten times a sweep is left
BUDGETS_MS = {1: 15.0, 10: 100.0, 13: 100.0}


def write_scan(folder: Path, points: np.ndarray, sweeps: int) -> None:
    """A data set of one key frame and its previous sweeps: (n, 5) points, jittered, seen from a car that drives on."""
    generator = np.random.default_rng(0)
    info = frame_info(0) | {'token': 'scan', 'lidar_sweeps': [frame_info(age) for age in range(1, sweeps)]}
    for age in range(sweeps):
        noise = np.pad(generator.normal(0, JITTER_M, (len(points), 3)), ((0, 0), (0, COLUMNS - 3)))
        file = folder / NuScenesSweeps.DATA_PREFIX['sweeps' if age else 'pts'] / f'{age}.bin'
        file.parent.mkdir(parents=True, exist_ok=True)
        (points + noise * bool(age)).astype(np.float32).tofile(file)
    (folder / 'v1.0-trainval').mkdir()  # the tables, which the start of a training asks for
    mmengine.dump({'metainfo': {'version': 'v1.0-trainval'}, 'data_list': [info]}, str(folder / 'infos.pkl'))


def frame_info(age: int) -> dict:
    """An entry of mmdet3d's infos: the sweep ``age`` steps before the key frame."""
    ego2global = np.eye(4)
    ego2global[0, 3] = -DRIVEN_M * age
    points = {'lidar_path': f'{age}.bin', 'lidar2ego': np.eye(4).tolist()}
    return {'timestamp': 1.5e9 - PERIOD_S * age, 'ego2global': ego2global.tolist(), 'lidar_points': points}


def stream_of(folder: Path, sweeps: int) -> SweepStream:
    """The config's data set over the scan in ``folder``."""
    cfg = Config.fromfile(CONFIG)
    settings = cfg.train_dataloader.dataset
    stream = DATASETS.build({**settings, 'data_root': str(folder), 'ann_file': 'infos.pkl', 'num_sweeps': sweeps})
    stream.grid = MODELS.build(cfg.model).grid
    return stream


class Sample:
    """The stages of one draw; each is given what the one before it left."""

    def __init__(self, stream: SweepStream, position: int) -> None:
        self.stream, self.position = stream, position
        self.results: dict = {}

    def load(self) -> Tensor:
        """The points; what else a transform is given."""
        points, file = self.stream.load(0)
        generator = sample_generator(0, self.position)
        self.results = dict(points=points, file=file, generator=generator, position=self.position, skipped=[])
        self.results['grid'] = self.stream.grid
        return points

    def step(self, number: int) -> None:
        """One transform, the last one with the packing of the batch (pack_pairs)."""
        self.results = self.stream.transforms[number](self.results)
        if number == len(self.stream.transforms) - 1:
            pack_pairs([self.results['views']])

    def timed(self) -> dict[str, tuple[float, float]]:
        """Seconds of each stage, on the wall and on the CPU."""
        steps = [self.load, *(partial(self.step, number) for number in range(len(self.stream.transforms)))]
        return {stage: seconds(step, CPU) for stage, step in zip(STAGES, steps, strict=True)}


def measure(points: np.ndarray, sweeps: int, repeats: int) -> dict:
    """Milliseconds of every stage of ``repeats`` draws; two more warm up (compilation, page cache)."""
    with TemporaryDirectory() as folder:
        write_scan(Path(folder), points, sweeps)
        stream = stream_of(Path(folder), sweeps)
        count = len(Sample(stream, 0).load())
        draws = [Sample(stream, position).timed() for position in range(repeats + 2)][2:]
    row = dict(sweeps=sweeps, points=count, budget_ms=BUDGETS_MS[sweeps])
    for number, clock in enumerate(('wall_ms', 'cpu_ms')):
        times = {stage: [1e3 * draw[stage][number] for draw in draws] for stage in STAGES}
        row[clock] = times | {'all': [sum(draw) for draw in zip(*times.values())]}
    return row


def cells(row: dict, clock: str) -> list[str]:
    """What stands under TITLE; the budget is one of time on the CPU."""
    name, budget = ('CPU', f'{row["budget_ms"]:g}') if clock == 'cpu_ms' else ('wall', '')
    return [str(row['points']), str(row['sweeps']), name, *(f'{median(ms):.1f}' for ms in row[clock].values()), budget]


def run(arguments: argparse.Namespace) -> dict:
    """Print medians of each stage and of the whole scan, on the CPU and on the wall; the record."""
    compute_with(1)
    init_default_scope('mmdet3d')
    points, source = chosen_sweep(arguments)
    points = with_columns(points, COLUMNS)
    rows = [measure(points, sweeps, arguments.repeats) for sweeps in tqdm(BUDGETS_MS, unit='scan')]
    print(f'{source}, as a scan of {CONFIG.stem}; milliseconds, medians of {arguments.repeats} draws, one thread')
    print(markdown_table(TITLE, [cells(row, clock) for row in rows for clock in ('cpu_ms', 'wall_ms')]))
    return dict(sweep=source, config=CONFIG.name, repeats=arguments.repeats, rows=rows)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Arguments of `benchmark.py data`."""
    add_sweep_arguments(parser)
    parser.add_argument('--repeats', type=int, default=21, help='draws of a scan (default: 21)')
