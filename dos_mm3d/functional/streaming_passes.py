"""The passes over blocks of points that replace zipf_sinkhorn and softmap_kl (docs/method.md, "Zipf-Sinkhorn").

One Sinkhorn round is one pass: with the column potential c of the round before, p = softmax over prototypes of the
logits + c is the row step, and the sum of p over points is all that the column step needs. The row potentials are never
kept: the target is p[i, k] / mass[k], with p of the last round and mass its column sums.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import torch
from torch import Tensor

from . import streaming_fused
from .distributed import reduce_over_ranks
from .streaming_blocks import BLOCK_ELEMENTS, BlockLogits, ColumnLogSumExp, block_kind


@dataclass(frozen=True)
class Columns:
    """All that is kept of the two softmaps, each (K,): enough to recompute any block of either.

    target[i, k] = p[i, k] / mass[k], p from logits + ``potential``; student[i, k] = exp(logits[i, k] - log_total[k]).
    """

    potential: Tensor
    mass: Tensor
    log_total: Tensor


@dataclass(frozen=True)
class Softmaps:
    """Two softmaps over the same N points.

    Args:
        student: logits of the student.
        teacher: logits of the teacher.
        log_prior: (K,), and ``n_iters`` the number of rounds; None for both: the target is the teacher's own softmax
            over points, without Sinkhorn.
        process_group: the ranks whose points belong together; None: this rank alone.
    """

    student: BlockLogits
    teacher: BlockLogits
    log_prior: Tensor | None
    n_iters: int | None
    process_group: object = None

    @property
    def fused(self) -> bool:
        """Whether Triton's kernels make the passes."""
        return streaming_fused.can_fuse(self.student)

    @property
    def zeros(self) -> Tensor:
        """(K,) zeros of the dtype of the logits."""
        prototypes = self.student.prototypes
        return prototypes.new_zeros(len(prototypes), dtype=self.student.precision.work)

    def blocks(self, count: int) -> Iterator[tuple]:
        """Consecutive rows, and ``count`` buffers (n, K) for them in memory that every block uses again."""
        num_points, zeros = len(self.student.features), self.zeros
        size = min(max(16, BLOCK_ELEMENTS[block_kind(zeros.device)] // len(zeros)), max(num_points, 1))
        buffers = [zeros.new_empty(size, len(zeros)) for _ in range(count)]
        for start in range(0, num_points, size):
            rows = slice(start, min(start + size, num_points))
            yield rows, *(buffer[: rows.stop - start] for buffer in buffers)

    def p(self, logits: Tensor, out: Tensor) -> Tensor:
        """(n, K) teacher logits + potential -> p: the row step, where there is one."""
        return torch.exp(logits, out=out) if self.log_prior is None else torch.softmax(logits, 1, out=out)

    def log_p(self, logits: Tensor, out: Tensor) -> Tensor:
        """log of :meth:`p`."""
        return out.copy_(logits) if self.log_prior is None else torch.log_softmax(logits, 1, out=out)


def target_potential(maps: Softmaps) -> Tensor:
    """(K,) column potential that the last round starts from; without Sinkhorn the one whose p sums to 1 over points."""
    potential = -first_column_logsumexp(maps)
    if maps.log_prior is None:
        return potential.to(maps.zeros)
    potential += maps.log_prior
    for _ in range(maps.n_iters - 2):
        potential += maps.log_prior - column_mass(maps, potential.to(maps.zeros)).log()
    return potential.to(maps.zeros)


def first_column_logsumexp(maps: Softmaps) -> Tensor:
    """(K,) float64 logsumexp over points of log p at potential 0, whatever the size of the logits."""
    if maps.fused:
        return streaming_fused.target_columns(maps, maps.zeros).reduce(maps.process_group)[0]
    columns = ColumnLogSumExp(maps.zeros)
    for rows, first, second in maps.blocks(2):
        columns.add(maps.log_p(maps.teacher.write(rows, maps.zeros, first), second), first)
    return columns.reduce(maps.process_group)[0]


def column_mass(maps: Softmaps, potential: Tensor) -> Tensor:
    """(K,) float64 sum of p over points, from the second round on.

    It needs no log space: the round before left masses that sum to 1 over all entries, thus rows of at most 1, which
    the row step can only enlarge, and so column k holds at least prior[k].
    """
    if maps.fused:
        return streaming_fused.target_columns(maps, potential).reduce(maps.process_group)[0].exp()
    mass = maps.zeros.double()
    for rows, first, second in maps.blocks(2):
        mass += maps.p(maps.teacher.write(rows, potential, first), second).sum(0)
    return reduce_over_ranks(mass, maps.process_group)


def compare(maps: Softmaps) -> tuple[Columns, Tensor]:
    """What the backward pass needs, and (3, K) float64 in nats: KL(target || student), H(student), H(target)."""
    potential = target_potential(maps)
    compared = streaming_fused.compared_columns if maps.fused else compared_columns
    student, sums = compared(maps, potential)
    log_total, mean_logit = student.reduce(maps.process_group)
    mass, p_log_p, cross = reduce_over_ranks(sums, maps.process_group)
    entropy = mass.log() - p_log_p / mass
    divergence = log_total - cross / mass - entropy
    values = torch.stack((divergence, log_total - mean_logit, entropy))
    return Columns(potential, mass.to(potential), log_total.to(potential)), values


def compared_columns(maps: Softmaps, potential: Tensor) -> tuple[ColumnLogSumExp, Tensor]:
    """Of the student's logits, and (3, K) float64 sums of p, of p log p and of p times these, over this rank."""
    student = ColumnLogSumExp(maps.zeros)
    sums = maps.zeros.double().repeat(3, 1)
    for rows, first, second, third in maps.blocks(3):
        log_p = maps.log_p(maps.teacher.write(rows, potential, first), second)
        p = torch.exp(log_p, out=first)
        sums[0] += p.sum(0)
        sums[1] += log_p.mul_(p).sum(0)
        logits = maps.student.write(rows, maps.zeros, second)
        student.add(logits, third)
        sums[2] += p.mul_(logits).sum(0)
    return student, sums


def add_gradients(
    maps: Softmaps, columns: Columns, factor: Tensor, features: Tensor | None, prototypes: Tensor | None
) -> None:
    """Gradient of ``factor`` (scalar) * sum_k KL_k: written to ``features`` (N, D), added to ``prototypes`` (K, D).

    With respect to the student's logits it is student softmap - target. What is None is left out.
    """
    student = maps.student
    factor = factor / student.temperature
    if maps.fused:
        return streaming_fused.add_gradients(maps, columns, factor, features, prototypes)
    for rows, first, second in maps.blocks(2):
        target = maps.p(maps.teacher.write(rows, columns.potential, first), second).div_(columns.mass)
        excess = student.write(rows, -columns.log_total, first).exp_().sub_(target)
        excess = excess.mul_(factor).to(student.precision.matmul)
        if features is not None:
            features[rows] = (excess @ student.prototypes).to(features.dtype)
        if prototypes is not None:
            add_product_(prototypes, excess.t(), student.factor(rows))


def add_product_(total: Tensor, left: Tensor, right: Tensor) -> None:
    """total += left @ right; the product may have a narrower dtype than the sum."""
    if total.dtype == left.dtype:
        total.addmm_(left, right)
    else:
        total += left @ right
