"""The batch of voxels that travels through Point Transformer V3, and its link to the finer levels it came from."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from itertools import pairwise
from typing import Any

import torch
from spconv.pytorch import SparseConvTensor
from torch import Tensor

from ....functional.serialization import Extent, Serialization, serialize
from .patches import Patches, cut_patches


@dataclass(frozen=True)
class Cloud:
    """N voxels of B samples, rows of a sample contiguous, samples ascending. Layers return changed copies.

    Args:
        feat: (N, C) float.
        coord: (N, 3) float x, y, z in metres.
        grid_coord: (N, 3) int64 x, y, z >= 0.
        batch: (N,) int64, number of the sample.
        counts: rows of each of the B samples, a sample may have none.
        lowest, highest: (3,) smallest and largest x, y, z of all samples. They are asked of the finest level, those of
            the others follow: a GPU is waited for once.
        mask: (N,) bool, rows that the stem replaces by the mask token; not carried to coarser levels.
        serialization: places on the curves; None before the first level.
        conv_feat: (N, C) what the next convolution reads where that is not ``feat`` (decoder of variant m1).
        finer: the cloud that was pooled into this one, with its stage's output.
        row_of_finer: (N_finer,) int64, the row here of each of its rows.
        coarser: the decoder's input level, kept by its unpooling.
        tables: what follows from the places and their order, shared by all copies.
    """

    feat: Tensor
    coord: Tensor
    grid_coord: Tensor
    batch: Tensor
    counts: tuple[int, ...]
    lowest: tuple[int, ...]
    highest: tuple[int, ...]
    mask: Tensor | None = None
    serialization: Serialization | None = None
    conv_feat: Tensor | None = None
    finer: Cloud | None = None
    row_of_finer: Tensor | None = None
    coarser: Cloud | None = None
    tables: dict[Any, Any] = field(default_factory=dict, repr=False)

    @classmethod
    def from_points(
        cls,
        feat: Tensor,
        coord: Tensor,
        batch: Tensor,
        *,
        grid_coord: Tensor,
        batch_size: int | None = None,
        mask: Tensor | None = None,
    ) -> Cloud:
        """A batch of voxels as the network takes it.

        Arguments as in the class, integers of any dtype; batch ascending. Raises ValueError if shapes disagree, N is 0,
        samples are not ascending, or more than ``batch_size``.
        """
        _check_rows(feat, coord=coord, batch=batch, grid_coord=grid_coord, mask=mask)
        batch, grid_coord = batch.long(), grid_coord.long()
        n_samples = int(batch.max()) + 1 if batch_size is None else batch_size
        ends = torch.searchsorted(batch, torch.arange(n_samples, device=batch.device), right=True)
        descents = (batch[1:] < batch[:-1]).sum()
        asked = (torch.stack((descents, batch[0], batch[-1])), *grid_coord.aminmax(dim=0), ends)
        (unsorted, first, last), lowest, highest, ends = (part.tolist() for part in on_host(*asked))
        if unsorted or first < 0:
            raise ValueError('batch must ascend from 0 or more: sort the points by sample first')
        if last >= n_samples:
            raise ValueError(f'batch has sample {last}, wanted no more than batch_size={n_samples} samples')
        counts = tuple(end - start for start, end in pairwise((0, *ends)))
        return cls(feat, coord, grid_coord, batch, counts, tuple(lowest), tuple(highest), mask)

    @classmethod
    def from_voxels(cls, feat: Tensor, coord: Tensor, coors: Tensor, batch_size: int) -> Cloud:
        """mmdet3d's voxels, in any order of rows: feat (N, C), coord (N, 3), coors (N, 4) int [sample, z, y, x]."""
        by_batch = coors[:, 0].argsort(stable=True)
        feat, coord, coors = (rows.index_select(0, by_batch) for rows in (feat, coord, coors))
        return cls.from_points(feat, coord, coors[:, 0], grid_coord=coors[:, 1:].flip(1), batch_size=batch_size)

    def with_feat(self, feat: Tensor) -> Cloud:
        """The same places with other features."""
        return replace(self, feat=feat, conv_feat=None)

    def serialized(self, orders: Sequence[str], *, shuffle: bool) -> Cloud:
        """The same cloud with its places on space-filling curves, computed anew."""
        extent = Extent(min(self.lowest), max(self.highest), len(self.counts))
        return self.on_curves(serialize(self.grid_coord, self.batch, orders, shuffle=shuffle, extent=extent))

    def on_curves(self, serialization: Serialization) -> Cloud:
        """The same cloud with its places on the given curves."""
        return replace(self, serialization=serialization, tables={})

    def patches(self, patch_size: int) -> Patches:
        """The cut into sequences of ``patch_size``, computed once."""
        return self._table(
            ('patches', patch_size), lambda: cut_patches(self.counts, patch_size, self.grid_coord.device)
        )

    def attention_rows(self, patch_size: int, order_index: int) -> tuple[Tensor, Tensor]:
        """(T,) row that each place of the sequences reads, (N,) place that holds each row's result; one curve."""

        def compute() -> tuple[Tensor, Tensor]:
            patches, (order, inverse) = self.patches(patch_size), self.serialization.sorted_by(order_index)
            return order.index_select(0, patches.source), patches.target.index_select(0, inverse)

        return self._table(('rows', patch_size, order_index), compute)

    def sparse(self, feat: Tensor) -> SparseConvTensor:
        """spconv's view (batch, x, y, z) with the given features, and the neighbours that are known by now."""
        return self._table('sparse', self._sparse_places).replace_feature(feat)

    def keep_neighbours(self, convolved: SparseConvTensor) -> None:
        """Search neighbours once per cloud and indice_key: spconv writes what it found into its output alone."""
        self._table('sparse', self._sparse_places).indice_dict = convolved.indice_dict

    @property
    def shape(self) -> list[int]:
        """Sizes along x, y, z of the grid that all voxels lie in."""
        return [highest + 1 for highest in self.highest]

    def _sparse_places(self) -> SparseConvTensor:
        indices = torch.cat((self.batch[:, None], self.grid_coord), dim=1).int().contiguous()
        return SparseConvTensor(self.feat.new_empty(len(indices), 0), indices, self.shape, len(self.counts))

    def _table(self, key: Any, compute: Callable[[], Any]) -> Any:
        if key not in self.tables:
            self.tables[key] = compute()
        return self.tables[key]


def upcast(cloud: Cloud, n_levels: int | None = None) -> Cloud:
    """Hand the features of a level down to the rows it was pooled from and append them there.

    n_levels: how many levels down, all by default. The result's channels are those of the finest level first.
    """
    levels = finer_levels(cloud, n_levels)
    return levels[-1].with_feat(stacked_features(levels))


def finer_levels(cloud: Cloud, n_levels: int | None = None) -> list[Cloud]:
    """A cloud and those it was pooled from, the finest last. n_levels: how many levels down, all by default."""
    levels = [cloud]
    while levels[-1].finer is not None and len(levels) - 1 != n_levels:
        levels.append(levels[-1].finer)
    if n_levels is not None and len(levels) <= n_levels:
        raise ValueError(f'asked to up-cast {n_levels} levels, the cloud has {len(levels) - 1} finer ones')
    return levels


def stacked_features(levels: Sequence[Cloud], rows: Tensor | None = None) -> Tensor:
    """(M, sum of C) features of rows (M,) of the finest level, by default all, and of their cells in each coarser one.

    Each level is read once, at the rows that are asked for: handed down level by level, the widest features would be
    copied over and over.

    Args:
        levels: as :func:`finer_levels` gives them; the result has the finest first.
        rows: int64.
    """
    finest, *coarser = reversed(levels)
    parts = [finest.feat if rows is None else finest.feat.index_select(0, rows)]
    for level in coarser:
        rows = level.row_of_finer if rows is None else level.row_of_finer.index_select(0, rows)
        parts.append(level.feat.index_select(0, rows))
    return torch.cat(parts, dim=1)


def on_host(*parts: Tensor) -> tuple[Tensor, ...]:
    """(n,) tensors of one dtype on the CPU, for which a GPU is waited for once."""
    return torch.cat(parts).cpu().split([len(part) for part in parts])


def _check_rows(feat: Tensor, **others: Tensor | None) -> None:
    if feat.ndim != 2 or not len(feat):
        raise ValueError(f'feat has the shape {tuple(feat.shape)}, wanted (N, C) with at least one row')
    columns = dict(coord=(3,), grid_coord=(3,), batch=(), mask=())
    for name, value in others.items():
        wanted = (len(feat), *columns[name])
        if value is not None and tuple(value.shape) != wanted:
            raise ValueError(f'{name} has the shape {tuple(value.shape)}, wanted {wanted} as feat has {len(feat)} rows')
