"""Per-point clustering: what the softmap replaces (SwAV, Sonata)."""

import torch
from mmdet3d.registry import MODELS
from torch import Tensor

from ...functional.clustering import balanced_assignment, clustering_loss
from ...functional.collapse import column_entropy
from ...functional.distributed import sum_over_ranks
from .prototypes import PrototypeHead


@MODELS.register_module()
class ClusteringHead(PrototypeHead):
    """Cross-entropy between each point's prototypes and those that balanced Sinkhorn gives the teacher's point.

    Args:
        channels: width D of the projected features.
        n_iters: Sinkhorn rounds (Sonata: 3).
        kwargs: those of :class:`PrototypeHead`.
    """

    def __init__(self, channels: int, n_iters: int = 3, **kwargs) -> None:
        super().__init__(channels, **kwargs)
        self.n_iters = n_iters

    def compare(
        self, student: Tensor, teacher: Tensor, prototypes: Tensor, teacher_prototypes: Tensor, process_group
    ) -> tuple[Tensor, Tensor, Tensor]:
        """The entropies are those of the assignments' columns, scaled to distributions over points."""
        logits = student @ prototypes.T / self.student_temperature
        teacher_logits = teacher @ teacher_prototypes.T / self.teacher_temperature
        target = balanced_assignment(teacher_logits, n_iters=self.n_iters, process_group=process_group)
        loss = clustering_loss(logits, target, process_group=process_group)
        with torch.no_grad():
            columns = (rows / sum_over_ranks(rows.sum(0), process_group) for rows in (logits.softmax(1), target))
            entropies = [column_entropy(maps, process_group=process_group) for maps in columns]
        return loss, *entropies
