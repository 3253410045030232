"""Prototypes, temperatures and scope, which the softmap and clustering heads share."""

from abc import abstractmethod

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ...errors import InputError
from ...functional import collapse
from ...functional.distributed import all_ranks, count_over_ranks
from ...functional.ema import ema_update_
from ...functional.schedules import linear_warmup
from .base import DistillationHead

SCOPES = ('cloud', 'batch', 'all')


class PrototypeHead(DistillationHead):
    """K unit prototypes with which student and teacher are compared; sub-classes say how.

    A3, A4, A6 and A7 are open choices in docs/method.md.

    Args:
        channels: width D of the projected features.
        num_prototypes: K.
        student_temperature: tau_S.
        teacher_temperature: tau_T at the start and after the warm-up, linear in between (A6).
        warmup_share: share of the run that the warm-up of tau_T takes.
        scope: normalise over one 'cloud', the local 'batch' (A3) or 'all' ranks (A4).
        teacher_prototypes: 'shared', the student's with a stop-gradient, or 'ema', a moving average of them (A7).
    """

    def __init__(
        self,
        channels: int,
        num_prototypes: int = 1024,
        student_temperature: float = 0.1,
        teacher_temperature: tuple[float, float] = (0.04, 0.07),
        warmup_share: float = 0.05,
        scope: str = 'batch',
        teacher_prototypes: str = 'shared',
    ) -> None:
        super().__init__()
        if scope not in SCOPES:
            raise InputError(f'scope must be one of {SCOPES}, got {scope!r}')
        if teacher_prototypes not in ('shared', 'ema'):
            raise InputError(f"teacher_prototypes must be 'shared' or 'ema', got {teacher_prototypes!r}")
        if channels < 1 or num_prototypes < 1:
            raise InputError(f'channels and num_prototypes must be at least 1, got {channels} and {num_prototypes}')
        if min(student_temperature, *teacher_temperature) <= 0:
            raise InputError(
                f'temperatures divide cosines and must be more than 0, got {student_temperature} of the student and '
                f'{tuple(teacher_temperature)} of the teacher'
            )
        if not 0 <= warmup_share <= 1:
            raise InputError(f'warmup_share must be in [0, 1], a share of the run, got {warmup_share}')
        self.student_temperature = student_temperature
        self.temperature_range = tuple(teacher_temperature)
        self.warmup_share = warmup_share
        self.scope = scope
        self.prototypes = nn.Parameter(F.normalize(torch.randn(num_prototypes, channels), dim=1))
        self.register_buffer('average', self.prototypes.detach().clone() if teacher_prototypes == 'ema' else None)
        self.teacher_temperature = self.temperature_range[0]
        self.entropies: dict[str, Tensor] = {}

    def set_step(self, step: int, total_steps: int) -> None:
        """Teacher temperature as a function of the step alone, so that a resumed run needs no counter."""
        self.teacher_temperature = linear_warmup(step, round(self.warmup_share * total_steps), *self.temperature_range)

    def update_teacher(self, momentum: float) -> None:
        """Move the teacher's prototypes, where it has its own."""
        if self.average is not None:
            ema_update_([self.average], [self.prototypes.detach()], momentum=momentum)

    @torch.no_grad()
    def unit_teacher_prototypes(self) -> Tensor:
        """(K, D), no gradient."""
        return F.normalize(self.prototypes if self.average is None else self.average, dim=1)

    def teacher_cosines(self, features: Tensor) -> Tensor:
        """(N, D) unit features -> (N, K) cosines with the teacher's prototypes, no gradient."""
        return features.detach() @ self.unit_teacher_prototypes().T

    def loss(self, student: Tensor, teacher: Tensor, cloud_index: Tensor) -> Tensor:
        """Mean over the sets of rows that :attr:`scope` asks for; keeps the entropies of the last for the monitors."""
        prototypes, teacher_prototypes = F.normalize(self.prototypes, dim=1), self.unit_teacher_prototypes()
        group = all_ranks() if self.scope == 'all' else None
        if self.scope == 'cloud':
            subsets = [(cloud_index == cloud).nonzero().squeeze(1) for cloud in cloud_index.unique()]
            subsets = [rows for rows in subsets if len(rows) >= 2]
        else:
            enough = count_over_ranks(len(student), group, device=student.device) >= 2
            subsets = [slice(None)] if enough else []
        losses = []
        for rows in subsets:
            loss, *entropies = self.compare(student[rows], teacher[rows], prototypes, teacher_prototypes, group)
            self.entropies = dict(zip(('student_column_entropy', 'column_entropy'), entropies))
            losses.append(loss)
        # 0 is connected to all that a loss would have given a gradient, so that ranks agree on which there are
        return torch.stack(losses).mean() if losses else student.sum() * 0 + self.prototypes.sum() * 0

    @abstractmethod
    def compare(
        self, student: Tensor, teacher: Tensor, prototypes: Tensor, teacher_prototypes: Tensor, process_group
    ) -> tuple[Tensor, Tensor, Tensor]:
        """Loss of rows that are normalised together, and the monitors' entropies, without gradient.

        Args:
            student: (N, D) unit features of this rank.
            teacher: (N, D) unit features; row i belongs to row i of the student's.
            prototypes: (K, D), unit.
            teacher_prototypes: (K, D), unit, without gradient.
            process_group: the ranks whose points belong together; None: this rank alone.

        Returns:
            Three scalars: the loss, and of the student's and of the target's softmaps the mean over prototypes of the
            entropy over points / log N; 1 is collapse.
        """

    def statistics(self, teacher: Tensor) -> dict[str, Tensor]:
        """Sd of the teacher's cosines with the prototypes, how these are used, entropies of the last comparison."""
        cosines = self.teacher_cosines(teacher)
        usage = collapse.prototype_usage(cosines)
        return dict(
            cosine_std=cosines.std(),
            prototypes_used=collapse.used_share(usage),
            usage_entropy=collapse.usage_entropy(usage),
            largest_usage=usage.max(),
            **self.entropies,
        )
