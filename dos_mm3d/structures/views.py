"""The containers that carry sparse views between layers; shapes, units, dtypes and column order are stated here."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields, is_dataclass
from itertools import accumulate
from typing import Any

import torch
from torch import Tensor

from ..functional.host import without_waiting


@dataclass(frozen=True)
class Tokens:
    """Where the hidden points of one view are shown to the student as mask tokens; their content is not here.

    Args:
        voxels: (t, 3) int32 z, y, x of the input voxels that hold a token; unique, none in a visible loss voxel.
        cell_of_voxel: (t,) int64, row in ``cells`` of each of them.
        cells: (c, 3) int32 z, y, x of the loss voxels around them; unique, sorted.
        origin: (h,) int64, row of each shown point in the raw scan.
        cell_of_point: (h,) int64, its row in ``cells``.
    """

    voxels: Tensor
    cell_of_voxel: Tensor
    cells: Tensor
    origin: Tensor
    cell_of_point: Tensor


@dataclass(frozen=True)
class View:
    """One augmented view of one scan.

    Args:
        points: (n, C) float32, columns as the config says; the first three are x, y, z in metres, augmented frame, all
            inside the point cloud range.
        origin: (n,) int64, row of each point in the raw scan, no row twice.
        cells: (m, 3) int32 z, y, x of the occupied loss voxels, counted from the range minimum; unique, sorted.
        cell_of_point: (n,) int64, row in ``cells``.
        visible: (m,) bool, True where the student may look.
        tokens: mask tokens at hidden places; None: hidden points are absent.
    """

    points: Tensor
    origin: Tensor
    cells: Tensor
    cell_of_point: Tensor
    visible: Tensor
    tokens: Tokens | None = None


@dataclass(frozen=True)
class Joined:
    """What the student is shown beside the two views; its loss voxels are joined to both by the raw points in them.

    Args:
        item: a local view, which only the student sees, all of it; or the mask tokens of one of the two views.
        to_a: (c,) int64, row in ``a.cells`` for each of ``item.cells`` (c, 3), -1 where none.
        to_b: (c,) int64, row in ``b.cells``, -1 where none.
    """

    item: View | Tokens
    to_a: Tensor
    to_b: Tensor


@dataclass(frozen=True)
class ViewPair:
    """Two views of one scan and the exact join of their loss voxels.

    Args:
        a: the first view.
        b: the second view.
        a_to_b: (m_a,) int64, row in ``b.cells`` that shares most raw points with the cell of a, -1 where none.
        b_to_a: (m_b,) int64, the other way round.
        tokens: mask tokens of a and of b, or none at all.
        local: any number of local views.
    """

    a: View
    b: View
    a_to_b: Tensor
    b_to_a: Tensor
    tokens: tuple[Joined, ...] = ()
    local: tuple[Joined, ...] = ()


@dataclass(frozen=True)
class SparseTokens:
    """Mask tokens of a batch.

    Args:
        voxels: (T, 4) int32 [view, z, y, x].
        cell_of_voxel: (T,) int64, row in ``cells``.
        cells: (C, 4) int32 [view, z, y, x].
        same: (C,) int64, row in ``SparseViews.cells`` of the loss voxel of the same view that shares most raw points,
            -1 where none.
        cross: (C,) int64, the same in the scan's other view.
    """

    voxels: Tensor
    cell_of_voxel: Tensor
    cells: Tensor
    same: Tensor
    cross: Tensor


@dataclass(frozen=True)
class SparseLocals:
    """Local views of a batch.

    Args:
        points: one tensor (n, C) for each.
        cell_of_point: (N,) int64, row in ``cells`` of each point, points of one local view after the other.
        cells: (M, 4) int32 [local view, z, y, x].
        to_a: (M,) int64, row in ``SparseViews.cells`` of the loss voxel of view a that shares most raw points, -1 where
            none.
        to_b: (M,) int64, the same in view b.
        voxels: as in :class:`SparseViews`.
    """

    points: list[Tensor]
    cell_of_point: Tensor
    cells: Tensor
    to_a: Tensor
    to_b: Tensor
    voxels: dict[str, Tensor] | None = None


@dataclass(frozen=True)
class SparseViews:
    """A batch of B scans as 2 B views: view a of every scan first, then view b of every scan.

    Args:
        points: 2 B tensors (n_v, C): the whole view (teacher); the student is given what lies in visible loss voxels.
        cell_of_point: (N,) int64, row in ``cells`` of each point, points of one view after the other.
        cells: (M, 4) int32 [view, z, y, x], sorted by view.
        visible: (M,) bool.
        visible_rows: (v,) int64, the rows of ``cells`` that are visible, ascending: those of views a first.
        num_visible_a: how many of them are of views a. Both are counted before the batch is moved: a GPU would have to
            be waited for.
        match: (M,) int64, row in ``cells`` of the corresponding loss voxel in the scan's other view, -1 where none.
        tokens: mask tokens, where the pipeline makes some.
        local: local views, where the pipeline makes some.
        voxels: what the model's preprocessor makes of the points, see :class:`ViewPreprocessor`; None before.
    """

    points: list[Tensor]
    cell_of_point: Tensor
    cells: Tensor
    visible: Tensor
    visible_rows: Tensor
    num_visible_a: int
    match: Tensor
    tokens: SparseTokens | None = None
    local: SparseLocals | None = None
    voxels: dict[str, Tensor] | None = None

    @property
    def num_views(self) -> int:
        return len(self.points)

    def to(self, device: torch.device | str) -> SparseViews:
        """The same batch on another device."""
        return moved(self, device)


def moved(value: Any, device: torch.device | str) -> Any:
    """A tensor, or a list, a dictionary or a dataclass of such, on another device; None stays None."""
    if isinstance(value, Tensor):
        return without_waiting(value, device)
    if isinstance(value, list):
        return [moved(item, device) for item in value]
    if isinstance(value, dict):
        return {name: moved(item, device) for name, item in value.items()}
    if is_dataclass(value):
        return type(value)(*(moved(getattr(value, field.name), device) for field in fields(value)))
    return value


def pack_pairs(pairs: list[ViewPair]) -> SparseViews:
    """Concatenate the pairs of a batch; a match row is shifted to where its view starts in ``cells``."""
    views = [pair.a for pair in pairs] + [pair.b for pair in pairs]
    cells = [view.cells for view in views]
    starts = torch.tensor([0, *map(len, cells)]).cumsum(0)
    start_a, start_b = starts[: len(pairs)], starts[len(pairs) : -1]
    to_b = [shifted(pair.a_to_b, start) for pair, start in zip(pairs, start_b, strict=True)]
    to_a = [shifted(pair.b_to_a, start) for pair, start in zip(pairs, start_a, strict=True)]
    visible = torch.cat([view.visible for view in views])
    return SparseViews(
        points=[view.points for view in views],
        cell_of_point=concatenated_rows([view.cell_of_point for view in views], cells),
        cells=numbered(cells),
        visible=visible,
        visible_rows=visible.nonzero().squeeze(1),
        num_visible_a=int(visible[: starts[len(pairs)]].sum()),
        match=torch.cat(to_b + to_a),
        tokens=pack_tokens(pairs, start_a, start_b) if pairs[0].tokens else None,
        local=pack_locals(pairs, start_a, start_b) if pairs[0].local else None,
    )


def pack_tokens(pairs: list[ViewPair], start_a: Tensor, start_b: Tensor) -> SparseTokens:
    """Tokens of view a of every pair, then of view b; start_a, start_b (B,): where the pair's views start."""
    joined = [pair.tokens[0] for pair in pairs] + [pair.tokens[1] for pair in pairs]
    to_a, to_b = joined_rows(joined, start_a.repeat(2), start_b.repeat(2))
    half = len(pairs)
    cells = [one.item.cells for one in joined]
    return SparseTokens(
        voxels=numbered([one.item.voxels for one in joined]),
        cell_of_voxel=concatenated_rows([one.item.cell_of_voxel for one in joined], cells),
        cells=numbered(cells),
        same=torch.cat(to_a[:half] + to_b[half:]),
        cross=torch.cat(to_b[:half] + to_a[half:]),
    )


def pack_locals(pairs: list[ViewPair], start_a: Tensor, start_b: Tensor) -> SparseLocals:
    """Local views of the first pair, of the second, ...; start_a, start_b (B,): where the pair's views start."""
    joined = [crop for pair in pairs for crop in pair.local]
    per_pair = torch.tensor([len(pair.local) for pair in pairs])
    to_a, to_b = joined_rows(joined, start_a.repeat_interleave(per_pair), start_b.repeat_interleave(per_pair))
    cells = [one.item.cells for one in joined]
    return SparseLocals(
        points=[one.item.points for one in joined],
        cell_of_point=concatenated_rows([one.item.cell_of_point for one in joined], cells),
        cells=numbered(cells),
        to_a=torch.cat(to_a),
        to_b=torch.cat(to_b),
    )


def joined_rows(joined: Sequence[Joined], start_a: Tensor, start_b: Tensor) -> tuple[list[Tensor], list[Tensor]]:
    """(to_a, to_b) of each item as rows of ``SparseViews.cells``."""
    to_a = [shifted(one.to_a, start) for one, start in zip(joined, start_a, strict=True)]
    to_b = [shifted(one.to_b, start) for one, start in zip(joined, start_b, strict=True)]
    return to_a, to_b


def concatenated_rows(rows: Sequence[Tensor], cells: Sequence[Tensor]) -> Tensor:
    """(N,) int64: each item's ``rows`` (n,) into its ``cells`` as rows of the concatenation of all cells."""
    starts = accumulate(map(len, cells), initial=0)
    return torch.cat([item + start for item, start in zip(rows, starts)])


def shifted(rows: Tensor, start: Tensor) -> Tensor:
    """Rows counted from ``start``; -1 stays -1."""
    return torch.where(rows >= 0, rows + start, -1)


def numbered(coords: Sequence[Tensor]) -> Tensor:
    """Concatenation of (n, 3) coordinates as (N, 4), the number of the item in front."""
    return torch.cat([torch.nn.functional.pad(item, (1, 0), value=i) for i, item in enumerate(coords)])
