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


def matched(name: str, weight: float, student: Tensor, teacher: Tensor, cloud: Tensor) -> MatchedRows:
    """A term of the rows whose teacher row is not -1; arguments as in :class:`MatchedRows`."""
    kept = teacher >= 0
    return MatchedRows(name, weight, student[kept], teacher[kept], cloud[kept])


def in_each_view(
    name: str, weight: float, student: Tensor, teacher: Tensor, cloud: Tensor, num_views: int
) -> list[MatchedRows]:
    """A term for views a and one for views b; arguments as for :func:`matched`."""
    view_b = cloud >= num_views // 2
    return [matched(name, weight, student[side], teacher[side], cloud[side]) for side in (~view_b, view_b)]


def visible_rows(views: SparseViews) -> tuple[Tensor, Tensor, Tensor]:
    """Of the v visible loss voxels: row among the student's cells, which begin with them; row in ``views.cells``;
    view. All (v,) int64.
    """
    teacher = views.visible.nonzero().squeeze(1)
    return torch.arange(len(teacher), device=teacher.device), teacher, views.cells[teacher, 0].long()


@MODELS.register_module()
class SameView:
    """L_v = L(v, same view), at the visible loss voxels."""

    same_weight = 1.0

    def __call__(self, views: SparseViews) -> list[MatchedRows]:
        return in_each_view('loss_same', self.same_weight, *visible_rows(views), views.num_views)


@MODELS.register_module()
class SameAndCrossView(SameView):
    """DOS: L_v = 1/2 L(v, same view) + 1/2 L(v, other view), at the visible loss voxels."""

    same_weight = 0.5

    def __call__(self, views: SparseViews) -> list[MatchedRows]:
        student, teacher, cloud = visible_rows(views)
        cross = in_each_view('loss_cross', 0.5, student, views.match[teacher], cloud, views.num_views)
        return super().__call__(views) + cross


@MODELS.register_module()
class WithLocalViews(SameAndCrossView):
    """DOS, and every local view against both views of its scan: 1/2 L(l, a) + 1/2 L(l, b) for each of the two views.

    Rows of all local views of the batch make one term for views a and one for views b.
    """

    def __call__(self, views: SparseViews) -> list[MatchedRows]:
        local = views.local
        cloud = local.cells[:, 0].long() + views.num_views
        student = int(views.visible.sum()) + torch.arange(len(cloud), device=cloud.device)
        extra = [matched('loss_local', 1.0, student, to, cloud) for to in (local.to_a, local.to_b)]
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
        visible, teacher, cloud = visible_rows(views)
        tokens, count = views.tokens, views.num_views
        hidden_cloud = tokens.cells[:, 0].long()
        hidden = len(visible) + torch.arange(len(hidden_cloud), device=visible.device)
        return [
            *in_each_view('loss_hidden_same', 0.25, hidden, tokens.same, hidden_cloud, count),
            *in_each_view('loss_hidden_cross', 0.25, hidden, tokens.cross, hidden_cloud, count),
            *in_each_view('loss_same', 0.25, visible, teacher, cloud, count),
            *in_each_view('loss_cross', 0.25, visible, views.match[teacher], cloud, count),
        ]
