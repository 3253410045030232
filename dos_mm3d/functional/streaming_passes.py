"""The passes over blocks of points that replace zipf_sinkhorn and softmap_kl (dos.md 3.2, 3.3).

One Sinkhorn round is one pass: with the column potential c of the round before, p = softmax over prototypes of the
logits + c is the row step, and the sum of p over points is all that the column step needs. The row potentials are never
kept: the target is p[i, k] / mass[k], with p of the last round and mass its column sums.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import torch
from torch import Tensor

from .distributed import reduce_over_ranks
from .streaming_blocks import BlockLogits, ColumnLogSumExp, Rows, block_buffers, row_blocks


@dataclass(frozen=True)
class Columns:
    """All that is kept of one softmap pair, each (K,): enough to recompute any block of either softmap.

    target[i, k] = p[i, k] / mass[k], p from logits + ``potential``; student[i, k] = exp(logits[i, k] - log_total[k]).
    """

    potential: Tensor
    mass: Tensor
    log_total: Tensor


@dataclass(frozen=True)
class Pair:
    """One softmax over points: the rows that take part, their logits on both sides, and how the target is balanced.

    ``log_prior`` (K,) and ``n_iters`` are None where the target is the teacher's own softmax over points, without
    Sinkhorn.
    """

    student: BlockLogits
    teacher: BlockLogits
    rows: Rows
    log_prior: Tensor | None
    n_iters: int | None
    process_group: object = None

    @property
    def zeros(self) -> Tensor:
        """(K,) zeros of the dtype of the logits."""
        prototypes = self.student.prototypes
        return prototypes.new_zeros(len(prototypes), dtype=self.student.precision.work)

    def sums(self, count: int) -> Tensor:
        """(count, K) float64 zeros to add up column sums of blocks, see :class:`ColumnLogSumExp`."""
        return self.zeros.double().repeat(count, 1)

    def buffers(self, count: int) -> list[Tensor]:
        """Buffers for one block each."""
        return block_buffers(count, self.rows, self.zeros)

    def blocks(self, buffer: Tensor) -> Iterator[Rows]:
        """The rows, in parts that fit the buffer."""
        return row_blocks(self.rows, len(buffer))

    def p(self, logits: Tensor, buffer: Tensor) -> Tensor:
        """(n, K) teacher logits + potential -> p, written to the buffer: the row step, where there is one."""
        out = buffer[: len(logits)]
        return torch.exp(logits, out=out) if self.log_prior is None else torch.softmax(logits, 1, out=out)

    def log_p(self, logits: Tensor, buffer: Tensor) -> Tensor:
        """log of :meth:`p`."""
        out = buffer[: len(logits)]
        return out.copy_(logits) if self.log_prior is None else torch.log_softmax(logits, 1, out=out)


def target_potential(pair: Pair) -> Tensor:
    """(K,) column potential that the last round starts from; without Sinkhorn the one whose p sums to 1 over points."""
    potential = -first_column_logsumexp(pair)
    if pair.log_prior is None:
        return potential.to(pair.zeros)
    potential += pair.log_prior
    for _ in range(pair.n_iters - 2):
        potential += pair.log_prior - column_mass(pair, potential.to(pair.zeros)).log()
    return potential.to(pair.zeros)


def first_column_logsumexp(pair: Pair) -> Tensor:
    """(K,) float64 logsumexp over points of log p at potential 0, whatever the size of the logits."""
    first, second = pair.buffers(2)
    columns = ColumnLogSumExp(pair.zeros)
    for rows in pair.blocks(first):
        columns.add(pair.log_p(pair.teacher.write(rows, pair.zeros, first), second), first)
    return columns.reduce(pair.process_group)[0]


def column_mass(pair: Pair, potential: Tensor) -> Tensor:
    """(K,) float64 sum of p over points, from the second round on.

    It needs no log space: the round before left masses that sum to 1 over all entries, thus rows of at most 1, which
    the row step can only enlarge, and so column k holds at least prior[k].
    """
    first, second = pair.buffers(2)
    mass = pair.sums(1)[0]
    for rows in pair.blocks(first):
        mass += pair.p(pair.teacher.write(rows, potential, first), second).sum(0)
    return reduce_over_ranks(mass, pair.process_group)


def compare(pair: Pair) -> tuple[Columns, Tensor]:
    """What the backward pass needs, and (3, K) float64 in nats: KL(target || student), H(student), H(target)."""
    potential = target_potential(pair)
    first, second, third = pair.buffers(3)
    student = ColumnLogSumExp(pair.zeros)
    sums = pair.sums(3)  # over points: p, p log p, p times the student's logit
    for rows in pair.blocks(first):
        log_p = pair.log_p(pair.teacher.write(rows, potential, first), second)
        p = torch.exp(log_p, out=first[: len(log_p)])
        sums[0] += p.sum(0)
        sums[1] += log_p.mul_(p).sum(0)
        logits = pair.student.write(rows, pair.zeros, second)
        student.add(logits, third)
        sums[2] += p.mul_(logits).sum(0)
    log_total, mean_logit = student.reduce(pair.process_group)
    mass, p_log_p, cross = reduce_over_ranks(sums, pair.process_group)
    entropy = mass.log() - p_log_p / mass
    divergence = log_total - cross / mass - entropy
    values = torch.stack((divergence, log_total - mean_logit, entropy))
    return Columns(potential, mass.to(potential), log_total.to(potential)), values


def add_gradients(
    pair: Pair, columns: Columns, factor: Tensor, features: Tensor | None, prototypes: Tensor | None
) -> None:
    """Gradient of ``factor`` (scalar) * sum_k KL_k: sets rows of ``features`` (N, D), adds to ``prototypes`` (K, D).

    With respect to the student's logits it is student softmap - target. What is None is left out.
    """
    first, second = pair.buffers(2)
    student = pair.student
    factor = factor / student.temperature
    for rows in pair.blocks(first):
        target = pair.p(pair.teacher.write(rows, columns.potential, first), second).div_(columns.mass)
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
