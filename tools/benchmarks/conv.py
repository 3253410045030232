"""Sparse convolution on the CPU against spconv's own kernels."""

import argparse
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from unittest.mock import patch

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

import dos_mm3d  # noqa: F401  (routes spconv's CPU computation)
from dos_mm3d.functional.voxelize import hard_voxelize
from dos_mm3d.structures import Grid
from dos_mm3d.studies.runner.markdown import markdown_table

from .measure import add_sweep_arguments, chosen_sweep, with_columns

VOXEL_SIZE_M = 0.2
GRID = Grid([-51.2, -51.2, -5.0, 51.2, 51.2, 3.0], [VOXEL_SIZE_M] * 3)
SPARSE_SHAPE = [41, 512, 512]
CHANNELS = (16, 32, 64, 128)  # of the encoder's resolutions, finest first
PADDINGS = ((1, 1, 1), (1, 1, 1), (0, 1, 1))
COLUMNS = ('ours, 1 thread', 'ours, 2 threads', 'spconv, 1 thread')
TITLE = ('layer', *COLUMNS, 'ratio, 1 thread', 'ratio, 2 threads')


def occupied_voxels(points: np.ndarray) -> tuple[Tensor, Tensor]:
    """The first point (m, 5) and the cell (m, 4) int32 [batch 0, z, y, x] of every occupied voxel in range."""
    cloud = torch.from_numpy(with_columns(points, 5))
    coords, inside = GRID.voxels(cloud[:, :3])
    voxels, cells, *_ = hard_voxelize(cloud[inside], coords[inside], GRID.shape, max_points=1)
    return voxels[:, 0], F.pad(cells, (1, 0))


@contextmanager
def upstream_spconv() -> Iterator[None]:
    """spconv's own CPU kernels, with the CUDA stream that its backward asks for taken out of the way."""
    from spconv.pytorch import functional, ops

    names = ('indice_conv', 'indice_inverse_conv', 'indice_subm_conv')
    originals = {name: getattr(functional, name).original for name in names}
    pairs = ops.get_indice_pairs.original
    with (
        patch.multiple(functional, **originals),
        patch.multiple(ops, get_indice_pairs=pairs, get_current_stream=lambda: 0),
    ):
        yield


def seconds_of(step: Callable[[], tuple[float, ...]], repeats: int) -> list[np.ndarray]:
    """(repeats, ...) of `step`'s seconds by turns: ours on 1 thread, ours on 2, spconv on 1; one warm-up each."""
    rows = [[], [], []]
    for _ in range(repeats + 1):
        for row, threads, upstream in zip(rows, (1, 2, 1), (False, False, True)):
            torch.set_num_threads(threads)
            with upstream_spconv() if upstream else nullcontext():
                row.append(step())
    return [np.array(row[1:]) for row in rows]


def timed_step(forward: Callable[[], Tensor]) -> tuple[float, float]:
    """Seconds of a forward pass and of its backward pass."""
    start = time.perf_counter()
    out = forward()
    middle = time.perf_counter()
    out.backward(torch.ones_like(out))
    return middle - start, time.perf_counter() - middle


def row_of(name: str, seconds: list[np.ndarray]) -> dict:
    """The row of the record."""
    return {'name': name} | {key: runs.tolist() for key, runs in zip(COLUMNS, seconds)}


def cells(row: dict) -> list[str]:
    """Under TITLE: fastest forward + backward in ms, and the median of the paired ratios to spconv."""
    ours, ours_twice, spconv = (np.array(row[key]) for key in COLUMNS)
    best = ['{:.1f} + {:.1f}'.format(*(1e3 * runs.min(axis=0))) for runs in (ours, ours_twice, spconv)]
    ratios = [np.median(spconv.sum(axis=1) / runs.sum(axis=1)) for runs in (ours, ours_twice)]
    return [row['name'], *best, *(f'{ratio:.2f}' for ratio in ratios)]


def benchmark_layers(cells: Tensor, repeats: int) -> Iterator[dict]:
    """SubM 3x3x3 convolutions at the encoder's four resolutions, index pairs given."""
    from spconv.pytorch import SparseConv3d, SparseConvTensor, SubMConv3d

    x = SparseConvTensor(torch.zeros(len(cells), 1), cells, SPARSE_SHAPE, 1)
    for level, channels in enumerate(CHANNELS):
        layer = SubMConv3d(channels, channels, 3, bias=False, indice_key=f'level{level}')
        features = torch.randn(len(x.indices), channels, requires_grad=True)
        x = layer(x.replace_feature(features))

        def step(layer=layer, x=x, features=features) -> tuple[float, float]:
            return timed_step(lambda: layer(x.replace_feature(features)).features)

        yield row_of(f'SubM {channels}, {len(features)} sites', seconds_of(step, repeats))
        if level < len(PADDINGS):
            down = SparseConv3d(channels, 1, 3, stride=2, padding=PADDINGS[level], bias=False)
            x = down(x.replace_feature(features.detach()))


def benchmark_encoder(features: Tensor, cells: Tensor, repeats: int) -> dict:
    """mmdet3d's SparseEncoder of CenterPoint voxel-0.1 with 0.2 m voxels, index pairs and dense output included."""
    from mmdet3d.models.middle_encoders import SparseEncoder

    encoder = SparseEncoder(
        5,
        SPARSE_SHAPE,
        output_channels=128,
        encoder_channels=((16, 16, 32), (32, 32, 64), (64, 64, 128), (128, 128)),
        encoder_paddings=((0, 0, 1), (0, 0, 1), (0, 0, [0, 1, 1]), (0, 0)),
        block_type='basicblock',
    )
    # fresh cells in every step, as in training: nothing kept on them survives
    return row_of('SparseEncoder', seconds_of(lambda: timed_step(lambda: encoder(features, cells.clone(), 1)), repeats))


def run(arguments: argparse.Namespace) -> dict:
    """Print a row for each layer, and one for a whole encoder; the record."""
    torch.manual_seed(0)
    points, source = chosen_sweep(arguments)
    features, sites = occupied_voxels(points)
    rows = [*benchmark_layers(sites, arguments.repeats), benchmark_encoder(features, sites, arguments.repeats)]
    print(f'{len(points)} points, {len(sites)} voxels of {VOXEL_SIZE_M} m; milliseconds forward + backward; ratios are')
    print(f'spconv on 1 thread / ours, medians of {arguments.repeats} paired runs')
    print(markdown_table(TITLE, list(map(cells, rows))))
    return dict(sweep=source, rows=rows)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Arguments of `benchmark.py conv`."""
    add_sweep_arguments(parser)
    parser.add_argument('--repeats', type=int, default=7, help='paired runs (default: 7)')
