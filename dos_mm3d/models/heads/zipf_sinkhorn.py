"""The head of DOS; the mathematics is in functional/."""

from typing import Any

from mmdet3d.registry import MODELS
from torch import Tensor

from ...errors import InputError
from ...functional.sinkhorn import check_rounds
from ...functional.streaming import StreamedSoftmaps, streaming_softmaps
from ...functional.streaming_blocks import Precision
from ...functional.zipf import zipf_prior
from .prototypes import PrototypeHead
from .zipf_exponent import ZipfExponent


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
        self.precision: Precision | None = None

    def forward(self, student: Tensor, teacher: Tensor, cloud_index: Tensor) -> Tensor:
        """As in the base class, which widens half rows and ends autocast: what they ask of products is asked before."""
        self.precision = Precision.of(student, teacher, self.prototypes)
        return super().forward(student, teacher, cloud_index)

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
            precision=self.precision,
        )


@MODELS.register_module()
class ZipfSinkhornHead(SoftmapHead):
    """KL between the student's softmaps and the teacher's after Zipf-Sinkhorn.

    docs/method.md, "Softmap and loss" and "Zipf-Sinkhorn".

    Args:
        channels: width D of the projected features.
        alpha: Zipf exponent, 0 is uniform; 'auto': estimated while training (:class:`ZipfExponent`).
        n_iters: Sinkhorn rounds T >= 2 (A5).
        kwargs: those of :class:`~.prototypes.PrototypeHead`.
    """

    def __init__(self, channels: int, alpha: float | str = 1.3, n_iters: int = 3, **kwargs) -> None:
        super().__init__(channels, **kwargs)
        check_rounds(n_iters)
        if isinstance(alpha, str) and alpha != 'auto':
            raise InputError(f"alpha must be a number >= 0 or 'auto', got {alpha!r}")
        self.n_iters = n_iters
        self.exponent = ZipfExponent(len(self.prototypes)) if alpha == 'auto' else None
        start = alpha if self.exponent is None else float(self.exponent.alpha)
        self.prior = zipf_prior(len(self.prototypes), start)

    def _load_from_state_dict(self, state_dict: dict[str, Tensor], prefix: str, *rest: Any) -> None:
        """As in the base class; but the prior of a stated exponent is the config's, not that of the exponent with which
        a checkpoint was trained."""
        own = self.prior.clone()
        super()._load_from_state_dict(state_dict, prefix, *rest)
        if self.exponent is None:
            self.prior.copy_(own)

    def observe(self, teacher: Tensor) -> None:
        """Follow the teacher's use of the prototypes with alpha='auto', while training."""
        if self.exponent is not None and self.training:
            alpha = self.exponent.update(self.teacher_cosines(teacher).argmax(1))
            self.prior.copy_(zipf_prior(len(self.prior), alpha))

    def log_values(self) -> dict[str, Tensor]:
        return {} if self.exponent is None else dict(alpha=self.exponent.alpha.float())
