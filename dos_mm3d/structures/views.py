"""The containers that carry sparse views between layers; shapes, units, dtypes and column order are stated here."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor


@dataclass(frozen=True)
class View:
    """One augmented view of one scan.

    points: (n, C) float32, columns as the config says; the first three are x, y, z in metres, augmented frame, all
        inside the point cloud range.
    origin: (n,) int64, row of each point in the raw scan, no row twice.
    cells: (m, 3) int32 z, y, x of the occupied loss voxels, counted from the range minimum; unique, sorted.
    cell_of_point: (n,) int64, row in ``cells``.
    visible: (m,) bool, True where the student may look.
    """

    points: Tensor
    origin: Tensor
    cells: Tensor
    cell_of_point: Tensor
    visible: Tensor


@dataclass(frozen=True)
class ViewPair:
    """Two views of one scan and the exact join of their loss voxels.

    a_to_b: (m_a,) int64, row in ``b.cells`` that shares most raw points with the cell of a, -1 where none; b_to_a
        the other way round.
    """

    a: View
    b: View
    a_to_b: Tensor
    b_to_a: Tensor


@dataclass(frozen=True)
class SparseViews:
    """A batch of B scans as 2 B views: view a of every scan first, then view b of every scan.

    points: 2 B tensors (n_v, C): the whole view (teacher); the student is given what lies in visible loss voxels.
    cells: (M, 4) int32 [view, z, y, x], sorted by view.
    visible: (M,) bool.
    match: (M,) int64, row in ``cells`` of the corresponding loss voxel in the scan's other view, -1 where none.
    """

    points: list[Tensor]
    cells: Tensor
    visible: Tensor
    match: Tensor

    @property
    def num_views(self) -> int:
        return len(self.points)

    def to(self, device: torch.device | str) -> SparseViews:
        """The same batch on another device."""
        return SparseViews(
            [p.to(device, non_blocking=True) for p in self.points],
            *(t.to(device, non_blocking=True) for t in (self.cells, self.visible, self.match)),
        )


def pack_pairs(pairs: list[ViewPair]) -> SparseViews:
    """Concatenate the pairs of a batch; a match row is shifted to where its view starts in ``cells``."""
    views = [pair.a for pair in pairs] + [pair.b for pair in pairs]
    start = torch.tensor([0] + [len(view.cells) for view in views]).cumsum(0)
    matches = [pair.a_to_b for pair in pairs] + [pair.b_to_a for pair in pairs]
    other = [(v + len(pairs)) % len(views) for v in range(len(views))]
    return SparseViews(
        points=[view.points for view in views],
        cells=torch.cat([torch.nn.functional.pad(view.cells, (1, 0), value=v) for v, view in enumerate(views)]),
        visible=torch.cat([view.visible for view in views]),
        match=torch.cat([torch.where(m >= 0, m + start[o], -1) for m, o in zip(matches, other, strict=True)]),
    )
