"""Pooling to a coarser level and back (docs/ptv3.md, "Pooling, up-casting, decoder")."""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import replace

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
        _, cell, by_cell, sizes = group_by_cell(self.cell_keys(cloud, stride))
        member = by_cell.index_select(0, sizes.cumsum(0) - sizes)
        batch = cloud.batch.index_select(0, member)
        pooled = Cloud(
            feat=nn.functional.gelu(self.norm(cell_maximum(self.proj(cloud.feat), by_cell, sizes))),
            coord=torch.segment_reduce(cloud.coord.index_select(0, by_cell), 'mean', lengths=sizes),
            grid_coord=cloud.grid_coord.index_select(0, member) // stride,
            batch=batch,
            counts=tuple(batch.bincount(minlength=len(cloud.counts)).tolist()),
            finer=cloud,
            row_of_finer=cell,
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


def group_by_cell(keys: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """(N,) int64 cell keys of rows -> keys of the n cells, each row's cell, rows sorted by cell, rows per cell."""
    keys, cell = keys.unique(return_inverse=True)
    return keys, cell, cell.argsort(stable=True), cell.bincount(minlength=len(keys))


def cell_maximum(feat: Tensor, by_cell: Tensor, sizes: Tensor) -> Tensor:
    """(n, C) maximum of feat (N, C) over the rows of each cell, at least in float32; by_cell: rows sorted by cell."""
    feat = feat.to(torch.promote_types(feat.dtype, torch.float32))
    return torch.segment_reduce(feat.index_select(0, by_cell), 'max', lengths=sizes)
