"""Softmaps over points, compared without holding one (functional/streaming.py)."""

from mmdet3d.registry import MODELS
from torch import Tensor

from ...functional.streaming import StreamedSoftmaps, streaming_softmaps
from .prototypes import PrototypeHead


@MODELS.register_module()
class SoftmapHead(PrototypeHead):
    """KL between the student's and the teacher's softmaps over points, the teacher's as they are.

    docs/method.md, "Softmap and loss". Memory grows with N + K, not with N x K.

    Args:
        channels: width D of the projected features.
        kwargs: those of :class:`PrototypeHead`.
    """

    def __init__(self, channels: int, **kwargs) -> None:
        super().__init__(channels, **kwargs)
        # a sub-class with Sinkhorn has a prior (K,) and a number of rounds
        self.register_buffer('prior', None)
        self.n_iters: int | None = None

    def compare(
        self, student: Tensor, teacher: Tensor, prototypes: Tensor, teacher_prototypes: Tensor, process_group
    ) -> StreamedSoftmaps:
        return streaming_softmaps(
            student,
            teacher,
            prototypes,
            self.prior,
            student_temperature=self.student_temperature,
            teacher_temperature=self.teacher_temperature,
            n_iters=self.n_iters,
            teacher_prototypes=teacher_prototypes,
            process_group=process_group,
        )
