"""Prototypes, temperatures and scope, which the softmap and clustering heads share."""

from abc import abstractmethod
from dataclasses import dataclass

import torch
import torch.distributed as dist
import torch.nn.functional as F
from torch import Tensor, nn

from ...functional import collapse
from ...functional.distributed import count_over_ranks
from ...functional.ema import ema_update_
from ...functional.schedules import linear_warmup
from .base import DistillationHead

SCOPES = ('cloud', 'batch', 'all')


@dataclass(frozen=True)
class Term:
    """Matched rows over which a head normalises once.

    student, teacher: (N, D) unit features of this rank. prototypes, teacher_prototypes: (K, D), unit.
    process_group: the ranks whose points belong together; None: this rank alone.
    """

    student: Tensor
    teacher: Tensor
    prototypes: Tensor
    teacher_prototypes: Tensor
    process_group: object = None

    def detached(self) -> 'Term':
        """The same, without the graph that led to it: for the monitors."""
        tensors = (self.student, self.teacher, self.prototypes, self.teacher_prototypes)
        return Term(*(tensor.detach() for tensor in tensors), self.process_group)


class PrototypeHead(DistillationHead):
    """K unit prototypes with which student and teacher are compared; sub-classes say how.

    Args:
        channels: width D of the projected features. num_prototypes: K.
        student_temperature: tau_S.
        teacher_temperature: tau_T at the start and after ``warmup_share`` of the run, linear in between (A6).
        scope: normalise over one 'cloud', the local 'batch' (A3, default) or 'all' ranks (A4).
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
            raise ValueError(f'scope must be one of {SCOPES}, got {scope!r}')
        if teacher_prototypes not in ('shared', 'ema'):
            raise ValueError(f"teacher_prototypes must be 'shared' or 'ema', got {teacher_prototypes!r}")
        self.student_temperature = student_temperature
        self.temperature_range = tuple(teacher_temperature)
        self.warmup_share = warmup_share
        self.scope = scope
        self.prototypes = nn.Parameter(F.normalize(torch.randn(num_prototypes, channels), dim=1))
        self.register_buffer('average', self.prototypes.detach().clone() if teacher_prototypes == 'ema' else None)
        self.teacher_temperature = self.temperature_range[0]
        self.latest: Term | None = None

    def set_step(self, step: int, total_steps: int) -> None:
        """Teacher temperature as a function of the step alone, so that a resumed run needs no counter."""
        self.teacher_temperature = linear_warmup(step, round(self.warmup_share * total_steps), *self.temperature_range)

    def update_teacher(self, teacher_keep: float) -> None:
        """Move the teacher's prototypes, where it has its own."""
        if self.average is not None:
            ema_update_([self.average], [self.prototypes.detach()], teacher_keep=teacher_keep)

    @torch.no_grad()
    def unit_teacher_prototypes(self) -> Tensor:
        """(K, D), no gradient."""
        return F.normalize(self.prototypes if self.average is None else self.average, dim=1)

    def teacher_cosines(self, features: Tensor) -> Tensor:
        """(N, D) unit features -> (N, K) cosines with the teacher's prototypes, no gradient."""
        return features.detach() @ self.unit_teacher_prototypes().T

    def loss(self, student: Tensor, teacher: Tensor, cloud_index: Tensor) -> Tensor:
        prototypes = F.normalize(self.prototypes, dim=1), self.unit_teacher_prototypes()
        if self.scope == 'cloud':
            groups = [(cloud_index == cloud).nonzero().squeeze(1) for cloud in cloud_index.unique()]
            terms = [self.compare(Term(student[g], teacher[g], *prototypes)) for g in groups if len(g) >= 2]
            return torch.stack(terms).mean() if terms else self.nothing(student)
        group = self.process_group()
        if count_over_ranks(len(student), group, device=student.device) < 2:
            return self.nothing(student)
        return self.compare(Term(student, teacher, *prototypes, group))

    def nothing(self, student: Tensor) -> Tensor:
        """0, connected to all that a loss would have given a gradient."""
        return student.sum() * 0 + self.prototypes.sum() * 0

    def compare(self, term: Term) -> Tensor:
        """Loss of one term, with a note for the monitors."""
        self.latest = term.detached()
        return self.term_loss(term)

    @abstractmethod
    def term_loss(self, term: Term) -> Tensor:
        """Scalar."""

    @abstractmethod
    def column_entropies(self, term: Term) -> tuple[Tensor, Tensor]:
        """Student's and target's mean over prototypes of the entropy over points / log N; 1 is collapse."""

    def student_logits(self, term: Term) -> Tensor:
        """(N, K) student cosines over student temperature."""
        return term.student @ term.prototypes.T / self.student_temperature

    def teacher_logits(self, term: Term) -> Tensor:
        """(N, K) teacher cosines over teacher temperature."""
        return term.teacher @ term.teacher_prototypes.T / self.teacher_temperature

    def statistics(self, teacher: Tensor) -> dict[str, Tensor]:
        """Sd of the teacher's cosines with the prototypes, how these are used, entropies of the last term."""
        cosines = self.teacher_cosines(teacher)
        usage = collapse.prototype_usage(cosines)
        statistics = dict(
            cosine_std=cosines.std(),
            prototypes_used=collapse.used_share(usage),
            usage_entropy=collapse.usage_entropy(usage),
            largest_usage=usage.max(),
        )
        if self.latest is not None:
            entropies = self.column_entropies(self.latest)
            statistics['student_column_entropy'], statistics['column_entropy'] = entropies
        return statistics

    def process_group(self):
        """All ranks for scope 'all' in a distributed run, else None."""
        return dist.group.WORLD if self.scope == 'all' and dist.is_available() and dist.is_initialized() else None
