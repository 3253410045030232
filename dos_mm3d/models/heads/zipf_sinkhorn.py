"""Prototypes, temperatures and scope around the softmap loss; the mathematics is in functional/."""

from dataclasses import dataclass

import torch
import torch.distributed as dist
import torch.nn.functional as F
from mmdet3d.registry import MODELS
from torch import Tensor, nn

from ...functional.distributed import count_over_ranks
from ...functional.ema import ema_update_
from ...functional.schedules import linear_warmup
from ...functional.sinkhorn import at_least_float32, check_rounds, zipf_sinkhorn
from ...functional.softmap import softmap_kl
from ...functional.zipf import zipf_prior

SCOPES = ('cloud', 'batch', 'all')


@dataclass(frozen=True)
class Softmaps:
    """The last loss term, detached, for the monitors: logits and target (N, K) of this rank, and who shares them."""

    student_logits: Tensor
    target: Tensor
    process_group: object = None


@MODELS.register_module()
class ZipfSinkhornHead(nn.Module):
    """K unit prototypes, and the KL between student and Zipf-Sinkhorn teacher softmaps (dos.md 3.2, 3.3).

    Args:
        channels: width D of the projected features.
        num_prototypes: K. alpha: Zipf exponent, 0 is uniform. n_iters: Sinkhorn rounds T >= 2 (A5).
        student_temperature: tau_S.
        teacher_temperature: tau_T at the start and after ``warmup_share`` of the run, linear in between (A6).
        scope: the softmap runs over one 'cloud', the local 'batch' (A3, default) or 'all' ranks (A4).
        teacher_prototypes: 'shared', the student's with a stop-gradient, or 'ema', a moving average of them (A7).
    """

    def __init__(
        self,
        channels: int,
        num_prototypes: int = 1024,
        alpha: float = 1.3,
        n_iters: int = 3,
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
        check_rounds(n_iters)
        self.n_iters = n_iters
        self.student_temperature = student_temperature
        self.temperature_range = tuple(teacher_temperature)
        self.warmup_share = warmup_share
        self.scope = scope
        self.prototypes = nn.Parameter(F.normalize(torch.randn(num_prototypes, channels), dim=1))
        self.register_buffer('prior', zipf_prior(num_prototypes, alpha))
        self.register_buffer('average', self.prototypes.detach().clone() if teacher_prototypes == 'ema' else None)
        self.teacher_temperature = self.temperature_range[0]
        self.latest: Softmaps | None = None

    def set_step(self, step: int, total_steps: int) -> None:
        """Teacher temperature as a function of the step alone, so that a resumed run needs no counter."""
        self.teacher_temperature = linear_warmup(step, round(self.warmup_share * total_steps), *self.temperature_range)

    def update_teacher(self, teacher_keep: float) -> None:
        """Move the teacher's prototypes, where it has its own."""
        if self.average is not None:
            ema_update_([self.average], [self.prototypes.detach()], teacher_keep=teacher_keep)

    def teacher_cosines(self, features: Tensor) -> Tensor:
        """(N, D) unit features -> (N, K) cosines with the teacher's prototypes, no gradient."""
        prototypes = self.prototypes if self.average is None else self.average
        return (features @ F.normalize(prototypes, dim=1).T).detach()

    def forward(self, student: Tensor, teacher: Tensor, cloud_index: Tensor) -> Tensor:
        """Loss of matched rows: student, teacher (N, D) unit features, cloud_index (N,) int64. Returns a scalar.

        A softmap over fewer than two points says nothing and is left out (A17); without any, the loss is 0.
        """
        # autocast would take the cosines, which are divided by temperatures of 0.05, back to half precision
        with torch.autocast(student.device.type, enabled=False):
            return self.loss(at_least_float32(student), at_least_float32(teacher).detach(), cloud_index)

    def loss(self, student: Tensor, teacher: Tensor, cloud_index: Tensor) -> Tensor:
        """:meth:`forward` in full precision."""
        logits = student @ F.normalize(self.prototypes, dim=1).T / self.student_temperature
        teacher_logits = self.teacher_cosines(teacher) / self.teacher_temperature
        if self.scope == 'cloud':
            groups = [cloud_index == cloud for cloud in cloud_index.unique()]
            terms = [self.term(logits[g], teacher_logits[g]) for g in groups if int(g.sum()) >= 2]
            return torch.stack(terms).mean() if terms else logits.sum() * 0
        group = self.process_group()
        if count_over_ranks(len(logits), group, device=logits.device) < 2:
            return logits.sum() * 0
        return self.term(logits, teacher_logits, group)

    def term(self, logits: Tensor, teacher_logits: Tensor, process_group=None) -> Tensor:
        """One softmap: its target, its KL, and a note for the monitors."""
        target = zipf_sinkhorn(teacher_logits, self.prior, n_iters=self.n_iters, process_group=process_group)
        self.latest = Softmaps(logits.detach(), target, process_group)
        return softmap_kl(logits, target, process_group=process_group)

    def process_group(self):
        """All ranks for scope 'all' in a distributed run, else None."""
        return dist.group.WORLD if self.scope == 'all' and dist.is_available() and dist.is_initialized() else None
