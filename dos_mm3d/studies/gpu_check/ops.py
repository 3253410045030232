"""Operations on the GPU against the same ones on the CPU, values and gradients, and the CPU's against dense ones."""

import os
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import torch
from spconv.pytorch import SparseConv3d, SparseConvTensor, SparseInverseConv3d, SubMConv3d
from torch import Generator, Tensor
from torch.nn import functional as F

from ...cpu.scatter import REDUCTIONS, scatter_points
from ...functional.serialization import CURVES, MAX_DEPTH, serialize
from ...functional.voxelize import hard_voxelize
from ...models.backbones.base import features_at
from .check import Check, CheckFailed, Found, Place

CPU = torch.device('cpu')
SHAPE = (9, 48, 48)
BATCH_SIZE, SITES, CHANNELS = 2, 4000, 16
ROUNDING = 1e-4
"""Relative error that another order of float32 sums may cause."""
TF32 = 5e-3
"""The same for products of ten bits, which spconv's kernels may take."""


@dataclass(frozen=True)
class SameAsOnCpu:
    """A check that computes something twice.

    Args:
        run: device -> named tensors.
        limit: of the relative L2 difference of each; 0: the same bits.
    """

    run: Callable[[torch.device], dict[str, Tensor]]
    limit: float

    def __call__(self, place: Place) -> Found:
        forbid_tf32()
        wanted, got = self.run(CPU), self.run(place.device)
        return within(self.limit, {name: relative_error(got[name].cpu(), value) for name, value in wanted.items()})


def forbid_tf32() -> None:
    """Products of float32 are of float32 in this process."""
    os.environ['NVIDIA_TF32_OVERRIDE'] = '0'  # a training would allow TF32 otherwise
    torch.backends.cuda.matmul.allow_tf32 = torch.backends.cudnn.allow_tf32 = False


def within(limit: float, errors: dict[str, float]) -> Found:
    """CheckFailed where one of the errors is above the limit, or is none."""
    facts = {'errors': errors, 'limit': limit}
    if wrong := {name: error for name, error in errors.items() if not error <= limit}:
        raise CheckFailed(', '.join(f'{name} is off by {error:.1e}' for name, error in wrong.items()), facts)
    return Found('the same bits' if limit == 0 else f'{max(errors.values()):.1e} at most {limit:.0e}', facts)


def relative_error(got: Tensor, wanted: Tensor) -> float:
    """|got - wanted| / |wanted| (L2), infinite for another shape."""
    if got.shape != wanted.shape:
        return float('inf')
    difference = (got.double() - wanted.double()).norm().item()
    return difference / max(wanted.double().norm().item(), 1e-30) if difference else 0.0


def checks() -> list[Check]:
    """All of this stage."""
    compared = 'it is compared with the CPU'
    on_both = {
        'convolutions': (convolutions, TF32),
        'look-ups': (look_ups, ROUNDING),
        'voxels': (voxels, 0.0),
        'scatter': (scatter, ROUNDING),
        'curves': (curves, 0.0),
    }
    found = [Check(f'ops/{name}', SameAsOnCpu(*both), needs_gpu=compared) for name, both in on_both.items()]
    return [*found, Check('ops/cpu-tensors', cpu_tensors)]


def sites(seed: int = 0) -> Tensor:
    """(SITES, 4) int32 [batch, z, y, x], in no order."""
    cells = torch.randperm(BATCH_SIZE * SHAPE[0] * SHAPE[1] * SHAPE[2], generator=seeded(seed))[:SITES]
    return torch.stack(torch.unravel_index(cells, (BATCH_SIZE, *SHAPE)), dim=1).int()


def seeded(seed: int) -> Generator:
    return Generator().manual_seed(seed)


def features(device: torch.device) -> Tensor:
    """(SITES, CHANNELS) to be differentiated."""
    return torch.randn(SITES, CHANNELS, generator=seeded(1)).to(device).requires_grad_()


def convolutions(device: torch.device) -> dict[str, Tensor]:
    """A submanifold convolution, one of stride 2 and its inverse; dense, as sites come in another order on a GPU."""
    torch.manual_seed(0)
    layers = {
        'submanifold': SubMConv3d(CHANNELS, 32, 3, indice_key='same'),
        'stride 2': SparseConv3d(32, 32, 3, stride=2, padding=1, indice_key='down'),
        'inverse': SparseInverseConv3d(32, CHANNELS, 3, indice_key='down'),
    }
    first = features(device)
    x, found = SparseConvTensor(first, sites().to(device), list(SHAPE), BATCH_SIZE), {}
    for name, layer in layers.items():
        x = layer.to(device)(x)
        found[name] = x.dense().detach()
    x.features.square().mean().backward()
    found |= {f'gradient of {name}': layer.weight.grad for name, layer in layers.items()}
    return found | {'gradient of features': first.grad}


def look_ups(device: torch.device) -> dict[str, Tensor]:
    """Features of loss voxels among sites in another order, each asked for twice."""
    where, values = sites().to(device), features(device)
    asked = torch.randperm(SITES, generator=seeded(2)).to(device).repeat(2)
    found = features_at(where[asked], values, where, SHAPE)
    found.square().sum().backward()
    return {'values': found.detach(), 'gradient': values.grad}


def voxels(device: torch.device) -> dict[str, Tensor]:
    """Hard voxels of points that share them, beyond the limit of points in some."""
    points = torch.rand(20_000, 5, generator=seeded(3)).to(device)
    cells = torch.randint(0, 8, (len(points), 3), generator=seeded(4)).to(device)
    names = ('voxels', 'coors', 'num_points', 'first_point')
    return dict(zip(names, hard_voxelize(points, cells, (8, 8, 8), max_points=30), strict=True))


def scatter(device: torch.device) -> dict[str, Tensor]:
    """Maximum, mean and sum of the points of a cell, with gradients; some points lie in none."""
    cells, found = torch.randint(-1, 12, (SITES, 3), generator=seeded(5)).to(device), {}
    for reduction in REDUCTIONS:
        values = features(device)
        reduced, found[f'{reduction}: cells'], found[f'{reduction}: rows'] = scatter_points(values, cells, reduction)
        reduced.square().sum().backward()
        found |= {reduction: reduced.detach(), f'gradient of {reduction}': values.grad}
    return found


def curves(device: torch.device) -> dict[str, Tensor]:
    """Places of voxels on all curves of PTv3, at full depth."""
    cells = torch.randint(0, 2**MAX_DEPTH - 1, (SITES, 3), generator=seeded(6)).to(device)
    found = serialize(cells, sites()[:, 0].to(device), list(CURVES), shuffle=False)
    order, inverse = map(torch.stack, zip(*(found.sorted_by(curve) for curve in range(len(CURVES)))))
    return {'code': found.code, 'order': order, 'inverse': inverse}


def cpu_tensors(place: Place) -> Found:
    """A sparse convolution of CPU tensors, which a wheel built for CUDA cannot compute by itself, against torch's."""
    torch.manual_seed(0)
    layer, where = SubMConv3d(CHANNELS, 32, 3, bias=False), sites()
    errors, results = {}, {}
    for name, run in {'sparse': layer, 'dense': partial(dense, layer)}.items():
        values = features(CPU)
        out = run(SparseConvTensor(values, where, list(SHAPE), BATCH_SIZE)).dense()
        results[name] = [out.detach(), *torch.autograd.grad(out.square().mean(), (values, layer.weight))]
    for name, got, wanted in zip(('values', 'gradient of features', 'gradient of the kernel'), *results.values()):
        errors[name] = relative_error(got, wanted)
    return within(ROUNDING, errors)


def dense(layer: SubMConv3d, x: SparseConvTensor) -> SparseConvTensor:
    """What a submanifold layer without bias computes, by torch's dense convolution."""
    kernel = layer.weight.permute(0, 4, 1, 2, 3)  # (out, z, y, x, in) in spconv 2
    grid = F.conv3d(x.dense(), kernel, padding=1)
    batch, *cell = x.indices.long().unbind(1)
    return x.replace_feature(grid.movedim(1, -1)[batch, cell[0], cell[1], cell[2]])
