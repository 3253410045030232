"""Per-point clustering: what the softmap replaces (SwAV, Sonata)."""

from mmdet3d.registry import MODELS
from torch import Tensor

from ...functional.clustering import balanced_assignment, clustering_loss
from ...functional.collapse import column_entropy
from ...functional.distributed import sum_over_ranks
from .prototypes import PrototypeHead, Term


@MODELS.register_module()
class ClusteringHead(PrototypeHead):
    """Cross-entropy between each point's prototypes and those that balanced Sinkhorn gives the teacher's point.

    Args:
        n_iters: Sinkhorn rounds (Sonata: 3). kwargs: those of :class:`PrototypeHead`.
    """

    def __init__(self, channels: int, n_iters: int = 3, **kwargs) -> None:
        super().__init__(channels, **kwargs)
        self.n_iters = n_iters

    def target(self, term: Term) -> Tensor:
        """(N, K), rows sum to 1."""
        return balanced_assignment(self.teacher_logits(term), n_iters=self.n_iters, process_group=term.process_group)

    def term_loss(self, term: Term) -> Tensor:
        return clustering_loss(self.student_logits(term), self.target(term), process_group=term.process_group)

    def column_entropies(self, term: Term) -> tuple[Tensor, Tensor]:
        """Of the assignments' columns, scaled to distributions over points: the softmap heads' monitor, 1 alike."""
        rows = self.student_logits(term).softmax(1), self.target(term)
        maps = (assignment / sum_over_ranks(assignment.sum(0), term.process_group) for assignment in rows)
        return tuple(column_entropy(one, process_group=term.process_group) for one in maps)
