"""Point Transformer V3 a second time: dense, slow, sample by sample, from its specification; weights by name.

It shares no code with the package.
"""

import itertools
import math
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional as F

from tests.helpers.curve_oracle import oracle_code

ORDERS = ('z', 'z-trans', 'hilbert', 'hilbert-trans')


@dataclass
class Level:
    grid: Tensor
    batch: Tensor
    coord: Tensor
    codes: Tensor  # (4, N), spatial
    depth: int
    feat: Tensor | None = None
    conv_feat: Tensor | None = None


class Oracle:
    """m1, m2 or m3 in eval mode; weights: plain names, kernels (out, x, y, z, in)."""

    def __init__(self, weights: dict[str, Tensor], variant: str, *, heads: list[int], patch: int) -> None:
        self.weights, self.variant, self.heads, self.patch = weights, variant, heads, patch
        self.dec_heads = heads

    def has(self, prefix: str) -> bool:
        return any(name.startswith(prefix) for name in self.weights)

    def linear(self, name: str, x: Tensor) -> Tensor:
        return x @ self.weights[f'{name}.weight'].T + self.weights[f'{name}.bias']

    def norm(self, name: str, x: Tensor) -> Tensor:
        weight, bias = self.weights[f'{name}.weight'], self.weights[f'{name}.bias']
        if f'{name}.running_mean' in self.weights:
            mean, var, eps = self.weights[f'{name}.running_mean'], self.weights[f'{name}.running_var'], 1e-3
        else:
            mean, var, eps = x.mean(1, keepdim=True), x.var(1, keepdim=True, unbiased=False), 1e-5
        return (x - mean) / (var + eps).sqrt() * weight + bias

    def conv(self, name: str, level: Level, x: Tensor) -> Tensor:
        """out[p] = sum_ijk W[:, i, j, k] x[p + (i, j, k) - r], over a dictionary of voxels."""
        kernel = self.weights[f'{name}.weight']
        radius = kernel.shape[1] // 2
        keys = torch.cat((level.batch[:, None], level.grid), 1).tolist()
        row = {tuple(key): i for i, key in enumerate(keys)}
        out = torch.zeros(len(x), kernel.shape[0], dtype=x.dtype)
        for i, j, k in itertools.product(range(kernel.shape[1]), repeat=3):
            step = (i - radius, j - radius, k - radius)
            pairs = [
                (here, there)
                for here, (b, *p) in enumerate(keys)
                if (there := row.get((b, *(p[a] + step[a] for a in range(3))))) is not None
            ]
            if pairs:
                here, there = torch.tensor(pairs).T
                out[here] += x[there] @ kernel[:, i, j, k].T
        return out + self.weights.get(f'{name}.bias', torch.zeros(1, dtype=x.dtype))

    def rotate(self, x: Tensor, coord: Tensor) -> Tensor:
        """x (N, H, d) as complex numbers times exp(i angle), chunk by chunk."""
        n_freq = x.shape[-1] // 6
        freq = 10.0 ** (-torch.arange(n_freq, dtype=x.dtype) / n_freq)
        chunks = []
        for axis, chunk in enumerate(x.split(2 * n_freq, dim=-1)):
            turned = torch.complex(*chunk.split(n_freq, dim=-1)) * torch.exp(1j * coord[:, axis, None, None] * freq)
            chunks += [turned.real, turned.imag]
        return torch.cat(chunks, dim=-1)

    def attention(self, name: str, level: Level, x: Tensor, heads: int, order: int, *, rope: bool) -> Tensor:
        q, k, v = self.linear(f'{name}.qkv', x).view(len(x), 3, heads, -1).unbind(1)
        if rope:
            q, k = self.rotate(q, level.coord), self.rotate(k, level.coord)
        out = torch.empty_like(q)
        for sample in level.batch.unique():
            rows = (level.batch == sample).nonzero().squeeze(1)
            rows = rows[level.codes[order][rows].argsort()]
            for start in range(0, len(rows), self.patch):
                real = rows[start : start + self.patch]
                borrow = (self.patch - len(real)) if len(rows) > self.patch else 0
                keys = torch.cat((real, rows[start - borrow : start])) if borrow else real
                logits = torch.einsum('qhd,khd->hqk', q[real], k[keys]) / math.sqrt(q.shape[-1])
                out[real] = torch.einsum('hqk,khd->qhd', logits.softmax(-1), v[keys])
        return self.linear(f'{name}.proj', out.flatten(1))

    def blocks(self, stage: str, level: Level, heads: int) -> None:
        for i in itertools.count():
            name = f'{stage}.block{i}'
            if not self.has(f'{name}.'):
                return
            x = level.feat
            positional = self.conv(f'{name}.cpe.0', level, x if level.conv_feat is None else level.conv_feat)
            x = x + self.norm(f'{name}.cpe.2', self.linear(f'{name}.cpe.1', positional))
            rope, order = self.variant == 'm3', i % 4
            normed = self.norm(f'{name}.norm1.0', x)
            x = x + self.attention(f'{name}.attn', level, normed, heads, order, rope=rope)
            hidden = F.gelu(self.linear(f'{name}.mlp.0.fc1', self.norm(f'{name}.norm2.0', x)))
            level.feat, level.conv_feat = x + self.linear(f'{name}.mlp.0.fc2', hidden), None

    def stem(self, level: Level, feat: Tensor) -> None:
        conv, name = self.variant == 'm1', 'embedding.stem'
        x = self.conv(f'{name}.conv', level, feat) if conv else self.linear(f'{name}.linear', feat)
        level.feat = F.gelu(self.norm(f'{name}.norm', x))

    def pool(self, stage: str, fine: Level) -> tuple[Level, Tensor]:
        places = torch.cat((fine.batch[:, None], fine.grid // 2), 1)
        cells, cell = places.unique(dim=0, return_inverse=True)
        y, n = self.linear(f'{stage}.proj', fine.feat), range(len(cells))
        feat = torch.stack([y[cell == c].amax(0) for c in n])
        coord = torch.stack([fine.coord[cell == c].mean(0) for c in n])
        level = make_level(cells[:, 1:], cells[:, 0], coord, fine.depth - 1 if self.variant == 'm1' else None)
        level.feat = F.gelu(self.norm(f'{stage}.norm.0', feat))
        return level, cell

    def unpool(self, stage: str, coarse: Tensor, fine: Level, cell: Tensor) -> None:
        skip = F.gelu(self.norm(f'{stage}.proj_skip.1', self.linear(f'{stage}.proj_skip.0', fine.feat)))
        up = F.gelu(self.norm(f'{stage}.proj.1', self.linear(f'{stage}.proj.0', coarse)))
        fine.feat, fine.conv_feat = skip + up[cell], skip if self.variant == 'm1' else None

    def __call__(self, feat: Tensor, coord: Tensor, grid: Tensor, batch: Tensor) -> list[Level]:
        """Outputs of the encoder's levels, finest first; with a decoder those of its levels in their place."""
        levels, cells = [make_level(grid, batch, coord)], []
        self.stem(levels[0], feat)
        for s in itertools.count():
            self.blocks(f'enc.enc{s}', levels[s], self.heads[s])
            if not self.has(f'enc.enc{s + 1}.'):
                break
            level, cell = self.pool(f'enc.enc{s + 1}.down', levels[s])
            levels.append(level)
            cells.append(cell)
        if self.has('dec.'):
            for s in reversed(range(len(cells))):
                self.unpool(f'dec.dec{s}.up', levels[s + 1].feat, levels[s], cells[s])
                self.blocks(f'dec.dec{s}', levels[s], self.dec_heads[s])
        return levels


def make_level(grid: Tensor, batch: Tensor, coord: Tensor, depth: int | None = None) -> Level:
    depth = int(grid.max() + 1).bit_length() if depth is None else depth
    return Level(grid, batch, coord, torch.stack([oracle_code(grid, order, depth) for order in ORDERS]), depth)
