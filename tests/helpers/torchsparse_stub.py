"""A stand-in for torchsparse 1.4 in tests: enough of it for mmdet3d's own SPVCNNBackbone to be built and run.

No registry has torchsparse, so nothing here is torchsparse: it is written after the behaviour of its version 1.4
(kernel offsets x fastest for odd and z fastest for even kernels, coordinates [x, y, z, batch] in units of stride 1,
correlation, trilinear weights over the corners that exist), site by site with a dict, in any dtype. What a test proves
with it is that our SPVCNN computes what mmdet3d's forward describes, and has its names; not that torchsparse agrees.
"""

from itertools import product
from types import SimpleNamespace

import torch
from mmdet3d.models.backbones import minkunet_backbone, spvcnn_backone
from mmdet3d.models.layers import torchsparse_block
from mmengine.registry import MODELS
from torch import Tensor, nn

EPSILON = 1e-8  # torchsparse adds it to the sum of the interpolation weights


class SparseTensor:
    def __init__(self, feats: Tensor, coords: Tensor, stride=1) -> None:
        self.F, self.C = feats, coords
        self.s = stride if isinstance(stride, tuple) else (stride,) * 3
        self.cmaps, self.kmaps = {self.s: coords}, {}

    @property
    def stride(self):
        return self.s

    @property
    def coords(self):
        return self.C

    def like(self, feats: Tensor) -> 'SparseTensor':
        return self.moved(feats, self.C, self.s)

    def moved(self, feats: Tensor, coords: Tensor, stride) -> 'SparseTensor':
        other = SparseTensor(feats, coords, stride)
        other.cmaps, other.kmaps = self.cmaps, self.kmaps
        self.cmaps.setdefault(other.s, coords)
        return other

    def __add__(self, other: 'SparseTensor') -> 'SparseTensor':
        return self.like(self.F + other.F)


class PointTensor:
    def __init__(self, feats: Tensor, coords: Tensor, idx_query=None, weights=None) -> None:
        self.F, self.C = feats, coords
        self.idx_query, self.weights = idx_query or {}, weights or {}
        self.additional_features = {'idx_query': {}, 'counts': {}}


def offsets_of(size: int) -> list[tuple[int, int, int]]:
    axis = range(-size // 2 + 1, size // 2 + 1)
    if size % 2:
        return [(x, y, z) for z, y, x in product(axis, repeat=3)]
    return list(product(axis, repeat=3))


def get_kernel_offsets(size: int, stride, dilation: int = 1, device=None) -> Tensor:
    return torch.tensor([[step * s for step, s in zip(offset, stride)] for offset in offsets_of(size)])


def sphash(coords: Tensor, offsets: Tensor | None = None) -> Tensor:
    """One number per site, unique while coordinates lie in -50 .. 949."""
    assert not coords.is_floating_point()
    if offsets is None:
        x, y, z, batch = coords.long().unbind(1)
        return ((batch * 1000 + x + 50) * 1000 + y + 50) * 1000 + z + 50
    return torch.stack([sphash(coords + torch.cat((offset, offset.new_zeros(1)))) for offset in offsets])


def sphashquery(queries: Tensor, references: Tensor) -> Tensor:
    row_of = {key: row for row, key in enumerate(references.tolist())}
    return torch.tensor([row_of.get(key, -1) for key in queries.flatten().tolist()]).view_as(queries)


def spcount(rows: Tensor, count: int) -> Tensor:
    return torch.tensor([int((rows == row).sum()) for row in range(count)])


def spvoxelize(feats: Tensor, rows: Tensor, counts: Tensor) -> Tensor:
    return torch.stack([feats[rows == row].sum(0) / count for row, count in enumerate(counts.tolist())])


def calc_ti_weights(coords: Tensor, rows: Tensor, scale: int) -> Tensor:
    weights = torch.zeros(rows.shape, dtype=torch.float64)
    for k, corner in enumerate(product((0, 1), repeat=3)):
        for n, point in enumerate(coords[:, :3].double().tolist()):
            weight = 1.0
            for p, up in zip(point, corner):
                share = p / scale - p // scale
                weight *= share if up else 1 - share
            weights[k, n] = weight if rows[k, n] >= 0 else 0.0
    return weights / (weights.sum(0) + EPSILON)


def spdevoxelize(feats: Tensor, rows: Tensor, weights: Tensor) -> Tensor:
    picked = feats[rows.clamp_min(0)] * weights[..., None].to(feats.dtype)
    return picked.sum(1)


def cat(tensors: tuple[SparseTensor, ...]) -> SparseTensor:
    return tensors[0].like(torch.cat([tensor.F for tensor in tensors], dim=1))


class Conv3d(nn.Module):
    def __init__(self, in_channels, out_channels, kernel_size, stride=1, dilation=1, bias=False, transposed=False):
        super().__init__()
        assert not bias and dilation == 1
        self.size, self.stride, self.transposed = kernel_size, stride, transposed
        volume = kernel_size**3
        shape = (volume, in_channels, out_channels) if volume > 1 else (in_channels, out_channels)
        self.kernel = nn.Parameter(torch.zeros(shape))

    def forward(self, x: SparseTensor) -> SparseTensor:
        if self.size == 1:
            return x.like(x.F @ self.kernel)
        if self.transposed:
            stride = tuple(s // self.stride for s in x.s)
            coords = x.cmaps[stride]
            pairs = [(k, o, i) for k, i, o in x.kmaps[stride, self.size]]
        else:
            stride, coords, pairs = self.correlation(x)
        out = x.F.new_zeros(len(coords), self.kernel.shape[-1])
        for k, i, o in pairs:
            if len(i):
                out = out.index_add(0, o, x.F[i] @ self.kernel[k])
        return x.moved(out, coords, stride)

    def correlation(self, x: SparseTensor):
        stride, coords = tuple(s * self.stride for s in x.s), x.C
        if self.stride > 1:
            whole = torch.tensor(stride)
            coords = torch.cat((coords[:, :3] // whole * whole, coords[:, 3:]), dim=1).unique(dim=0)
        found = sphashquery(sphash(coords, get_kernel_offsets(self.size, x.s)), sphash(x.C))
        pairs = [(k, rows[rows >= 0], (rows >= 0).nonzero().squeeze(1)) for k, rows in enumerate(found)]
        x.kmaps[x.s, self.size] = pairs
        return stride, coords, pairs


class BatchNorm(nn.BatchNorm1d):
    def forward(self, x: SparseTensor) -> SparseTensor:
        return x.like(super().forward(x.F))


class ReLU(nn.ReLU):
    def forward(self, x: SparseTensor) -> SparseTensor:
        return x.like(super().forward(x.F))


def install(monkeypatch) -> None:
    """mmdet3d finds the stub where it would find torchsparse, as long as the test lasts."""
    functions = (sphash, sphashquery, spcount, spvoxelize, spdevoxelize)
    functional = SimpleNamespace(**{function.__name__: function for function in functions})
    functional.calc_ti_weights = lambda coords, rows, scale: calc_ti_weights(coords, rows, scale)
    names = dict(
        torchsparse=SimpleNamespace(cat=cat, SparseTensor=SparseTensor),
        F=functional,
        get_kernel_offsets=get_kernel_offsets,
        SparseTensor=SparseTensor,
        PointTensor=PointTensor,
    )
    for name, value in names.items():
        monkeypatch.setattr(spvcnn_backone, name, value, raising=False)
    monkeypatch.setattr(minkunet_backbone, 'IS_TORCHSPARSE_AVAILABLE', True)
    nodes = SimpleNamespace(Conv3d=Conv3d, ReLU=ReLU)
    monkeypatch.setattr(torchsparse_block, 'spnn', nodes, raising=False)
    monkeypatch.setitem(MODELS.module_dict, 'TorchSparseBN', BatchNorm)
    monkeypatch.setitem(MODELS.module_dict, 'TorchSparseReLU', ReLU)
