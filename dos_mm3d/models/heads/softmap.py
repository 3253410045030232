"""Softmaps over points, compared without holding one (functional/streaming.py)."""

from mmdet3d.registry import MODELS
from torch import Tensor

from ...functional.streaming import streaming_column_entropies, streaming_softmaps
from .prototypes import PrototypeHead, Term


@MODELS.register_module()
class SoftmapHead(PrototypeHead):
    """KL between the student's and the teacher's softmaps over points (dos.md 3.2), the teacher's as they are.

    Memory grows with N + K, not with N x K. Arguments are those of :class:`PrototypeHead`.
    """

    def __init__(self, channels: int, **kwargs) -> None:
        super().__init__(channels, **kwargs)
        # a sub-class with Sinkhorn has a prior (K,) and a number of rounds
        self.register_buffer('prior', None)
        self.n_iters: int | None = None

    def term_loss(self, term: Term) -> Tensor:
        return streaming_softmaps(*self.arguments(term), **self.settings(term)).loss

    def column_entropies(self, term: Term) -> tuple[Tensor, Tensor]:
        return streaming_column_entropies(*self.arguments(term), **self.settings(term))

    def arguments(self, term: Term) -> tuple[Tensor | None, ...]:
        """Positional arguments of the streaming functions."""
        return term.student, term.teacher, term.prototypes, self.prior

    def settings(self, term: Term) -> dict:
        """Their keyword arguments."""
        return dict(
            student_temperature=self.student_temperature,
            teacher_temperature=self.teacher_temperature,
            n_iters=self.n_iters,
            teacher_prototypes=term.teacher_prototypes,
            process_group=term.process_group,
        )
