"""Pooling to a coarser level and back (docs/ptv3.md, "Pooling, up-casting, decoder")."""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import replace
from itertools import accumulate, pairwise
from typing import NamedTuple

import torch
from torch import Tensor, nn

from ....cpu.cell_keys import cell_keys
from ....functional.serialization import MAX_DEPTH, Serialization
from .cloud import Cloud
from .layers import norm_of


class Pooling(nn.Module, ABC):
    """Linear layer, maximum per cell of stride^3 voxels, norm, GELU; coordinates become the mean per cell.

    Args:
        variant: which norm.
        in_channels: width of the finer level.
        channels: width of the coarser level.
        stride: voxels per cell and axis.
        orders: the curves.
        shuffle: while training, permute the curves anew.
    """

    def __init__(
        self, variant: str, in_channels: int, channels: int, stride: int, *, orders: Sequence[str], shuffle: bool
    ) -> None:
        super().__init__()
        self.stride, self.orders, self.shuffle = stride, orders, shuffle
        self.proj = nn.Linear(in_channels, channels)
        self.norm = nn.Sequential(norm_of(variant, channels))

    def forward(self, cloud: Cloud) -> Cloud:
        stride = self.stride_for(cloud)
        # keys have the sample on top: cells of one sample after the other
        cells = group_by_key(self.cell_keys(cloud, stride), cloud.counts)
        member = cells.rows.index_select(0, cells.starts)
        mean = torch.segment_reduce(cloud.coord.index_select(0, cells.rows), 'mean', lengths=cells.sizes, unsafe=True)
        pooled = Cloud(
            feat=nn.functional.gelu(self.norm(cell_maximum(self.proj(cloud.feat), cells))),
            coord=mean,
            grid_coord=cloud.grid_coord.index_select(0, member) // stride,
            batch=cloud.batch.index_select(0, member),
            counts=cells.counts,
            lowest=tuple(edge // stride for edge in cloud.lowest),
            highest=tuple(edge // stride for edge in cloud.highest),
            finer=cloud,
            row_of_finer=cells.cell_of_row,
        )
        return self.with_curves(pooled, cloud.serialization, member, stride)

    def stride_for(self, cloud: Cloud) -> int:
        """Voxels per cell and axis."""
        return self.stride

    @abstractmethod
    def cell_keys(self, cloud: Cloud, stride: int) -> Tensor:
        """(N,) int64 that names the cell of each voxel and gives the cells their order."""

    @abstractmethod
    def with_curves(self, pooled: Cloud, fine: Serialization, member: Tensor, stride: int) -> Cloud:
        """The pooled cloud with its curves; member: row of one voxel of each cell in the finer cloud."""


class SerializedPooling(Pooling):
    """Variant m1: cells are stretches of the first curve, whose codes are shifted; the depth falls with them."""

    def stride_for(self, cloud: Cloud) -> int:
        return self.stride if levels_in(self.stride) <= cloud.serialization.depth else 1

    def cell_keys(self, cloud: Cloud, stride: int) -> Tensor:
        return cloud.serialization.code[0] >> 3 * levels_in(stride)

    def with_curves(self, pooled: Cloud, fine: Serialization, member: Tensor, stride: int) -> Cloud:
        code = fine.code.index_select(1, member) >> 3 * levels_in(stride)
        return pooled.on_curves(
            Serialization.from_codes(code, fine.depth - levels_in(stride), shuffle=self.shuffle and self.training)
        )


class GridPooling(Pooling):
    """Variants m2 and m3: cells of the grid in the order batch, x, y, z, serialized anew with a fresh depth."""

    def cell_keys(self, cloud: Cloud, stride: int) -> Tensor:
        cells = torch.cat((cloud.batch[:, None], cloud.grid_coord // stride), dim=1)
        return cell_keys(cells, [2**MAX_DEPTH] * 3)

    def with_curves(self, pooled: Cloud, fine: Serialization, member: Tensor, stride: int) -> Cloud:
        return pooled.serialized(self.orders, shuffle=self.shuffle and self.training)


class Unpooling(nn.Module):
    """Coarse features handed to the rows they were pooled from, added to those of the encoder there.

    In variant m1 the next convolution reads the encoder's part alone: its public weights were trained that way.

    Args:
        variant: which norm.
        in_channels: width of the coarser level.
        skip_channels: width of the encoder's level.
        channels: width of the result.
    """

    def __init__(self, variant: str, in_channels: int, skip_channels: int, channels: int) -> None:
        super().__init__()
        self.convolve_skip_only = variant == 'm1'
        self.proj = nn.Sequential(nn.Linear(in_channels, channels), norm_of(variant, channels), nn.GELU())
        self.proj_skip = nn.Sequential(nn.Linear(skip_channels, channels), norm_of(variant, channels), nn.GELU())

    def forward(self, cloud: Cloud) -> Cloud:
        """Coarse cloud -> the cloud that was pooled into it, with ``coarser`` set."""
        skip = self.proj_skip(cloud.finer.feat)
        feat = skip + self.proj(cloud.feat).index_select(0, cloud.row_of_finer)
        return replace(cloud.finer, feat=feat, coarser=cloud, conv_feat=skip if self.convolve_skip_only else None)


def levels_in(stride: int) -> int:
    """log2 of a power of two."""
    return stride.bit_length() - 1


class Cells(NamedTuple):
    """N rows in n cells.

    Args:
        rows: (N,) int64, rows in the order of their cells, those of one cell ascending.
        starts: (n,) int64, where each cell begins in ``rows``.
        sizes: (n,) int64, rows of each cell.
        cell_of_row: (N,) int64.
        counts: cells of each sample.
    """

    rows: Tensor
    starts: Tensor
    sizes: Tensor
    cell_of_row: Tensor
    counts: tuple[int, ...]


def group_by_key(keys: Tensor, counts: Sequence[int]) -> Cells:
    """Rows of equal key, (N,) int64, are one cell; cells in the order of their keys.

    A GPU is waited for once, for how many cells there are.

    Args:
        keys: those of a sample all lie below those of the next one.
        counts: rows of each sample.
    """
    ordered, rows = keys.sort(stable=True)
    is_new = torch.ones_like(ordered, dtype=torch.bool)
    is_new[1:] = ordered[1:] != ordered[:-1]
    cell = is_new.cumsum(0) - 1
    last_rows = [end - 1 for end in accumulate(counts)]
    # one row beyond the last of a sample the number of a cell is that of cells so far; no rows before the first
    ends = torch.stack([cell[row] if row >= 0 else cell[0] - 1 for row in last_rows]).add(1).tolist()
    starts = torch.searchsorted(cell, torch.arange(ends[-1], device=cell.device))
    sizes = torch.cat((starts[1:], starts.new_full((1,), len(keys)))) - starts
    cell_of_row = torch.empty_like(cell).scatter_(0, rows, cell)
    return Cells(rows, starts, sizes, cell_of_row, tuple(end - start for start, end in pairwise((0, *ends))))


def cell_maximum(feat: Tensor, cells: Cells) -> Tensor:
    """(n, C) maximum of feat (N, C) over the rows of each cell, at least in float32."""
    feat = feat.to(torch.promote_types(feat.dtype, torch.float32))
    # unsafe: no look at the sizes, for which a GPU would be waited for
    return torch.segment_reduce(feat.index_select(0, cells.rows), 'max', lengths=cells.sizes, unsafe=True)
