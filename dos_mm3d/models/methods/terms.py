"""Which rows the loss compares: one class for each answer (docs/method.md, "One training step").

The weights of the terms of one view add up to 1 (local views come on top), so that the rows of an ablation have losses
of one scale.
"""

from dataclasses import dataclass

import torch
from mmdet3d.registry import MODELS
from torch import Tensor

from ...structures import SparseViews


@dataclass(frozen=True)
class MatchedRows:
    """The rows that one term of the loss compares.

    Args:
        name: key in the loss dict; terms of one name are added.
        weight: factor of the term.
        student: (n,) int64, rows of the student's cells.
        teacher: (n,) int64, rows of ``SparseViews.cells``.
        cloud: (n,) int64, the student's view.
    """

    name: str
    weight: float
    student: Tensor
    teacher: Tensor
    cloud: Tensor


Rows = tuple[Tensor, Tensor, Tensor]
"""``student``, ``teacher`` and ``cloud`` of :class:`MatchedRows`, (n,) each; a teacher row may be -1."""


def matched(name: str, weight: float, rows: Rows) -> MatchedRows:
    """A term of the rows whose teacher row is not -1."""
    kept = (rows[1] >= 0).nonzero().squeeze(1)  # once: each mask that picks rows is waited for on a GPU
    return MatchedRows(name, weight, *(part.index_select(0, kept) for part in rows))


def in_each_view(name: str, weight: float, rows: Rows, num_a: int) -> list[MatchedRows]:
    """A term for views a, which the first ``num_a`` rows are of, and one for views b."""
    return [matched(name, weight, side) for side in sides(rows, num_a)]


def sides(rows: Rows, num_a: int) -> list[Rows]:
    """The rows of views a, which come first, and those of views b."""
    return [tuple(part[:num_a] for part in rows), tuple(part[num_a:] for part in rows)]


def visible_rows(views: SparseViews) -> Rows:
    """Of the v visible loss voxels: row among the student's cells, which begin with them; row in ``views.cells``;
    view.
    """
    teacher = views.visible_rows
    return torch.arange(len(teacher), device=teacher.device), teacher, views.cells[teacher, 0].long()


def in_same_view(weight: float, visible: Rows, num_a: int) -> list[MatchedRows]:
    """The visible loss voxels of each side against themselves: none has to be looked for."""
    return [MatchedRows('loss_same', weight, *side) for side in sides(visible, num_a)]


def in_other_view(weight: float, visible: Rows, views: SparseViews) -> list[MatchedRows]:
    """The visible loss voxels of each side that the other view has, too."""
    student, teacher, cloud = visible
    return in_each_view('loss_cross', weight, (student, views.match[teacher], cloud), views.num_visible_a)


@MODELS.register_module()
class SameView:
    """L_v = L(v, same view), at the visible loss voxels."""

    same_weight = 1.0

    def __call__(self, views: SparseViews) -> list[MatchedRows]:
        return in_same_view(self.same_weight, visible_rows(views), views.num_visible_a)


@MODELS.register_module()
class SameAndCrossView(SameView):
    """DOS: L_v = 1/2 L(v, same view) + 1/2 L(v, other view), at the visible loss voxels."""

    same_weight = 0.5

    def __call__(self, views: SparseViews) -> list[MatchedRows]:
        return super().__call__(views) + in_other_view(0.5, visible_rows(views), views)


@MODELS.register_module()
class WithLocalViews(SameAndCrossView):
    """DOS, and every local view against both views of its scan: 1/2 L(l, a) + 1/2 L(l, b) for each of the two views.

    Rows of all local views of the batch make one term for views a and one for views b.
    """

    def __call__(self, views: SparseViews) -> list[MatchedRows]:
        local = views.local
        cloud = local.cells[:, 0].long() + views.num_views
        student = len(views.visible_rows) + torch.arange(len(cloud), device=cloud.device)
        extra = [matched('loss_local', 1.0, (student, to, cloud)) for to in (local.to_a, local.to_b)]
        return super().__call__(views) + extra


@MODELS.register_module()
class HiddenAndVisible:
    """Masked self-distillation: hidden and visible loss voxels, against the same and the other view, 1/4 each.

    Our reading of Sonata's weights (mask 2, roll 2, unmask 4 of 8): mask and roll are the hidden places against the
    same and the other view. Unmask is Sonata's distillation of what is not masked, on its local views; these rows have
    none, and the visible voxels take its 4, halved between same and other view. Sonata has heads of their own for
    masked and unmasked places; here both share one, as in every row of the ablation.
    """

    def __call__(self, views: SparseViews) -> list[MatchedRows]:
        visible, tokens = visible_rows(views), views.tokens
        cloud = tokens.cells[:, 0].long()
        hidden = len(views.visible_rows) + torch.arange(len(cloud), device=cloud.device)
        num_a = int((cloud < views.num_views // 2).sum())
        return [
            *in_each_view('loss_hidden_same', 0.25, (hidden, tokens.same, cloud), num_a),
            *in_each_view('loss_hidden_cross', 0.25, (hidden, tokens.cross, cloud), num_a),
            *in_same_view(0.25, visible, views.num_visible_a),
            *in_other_view(0.25, visible, views),
        ]
