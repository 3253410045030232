"""The comparison of streamed softmaps as one differentiable function."""

import math
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

from .distributed import sum_over_ranks
from .streaming_blocks import BlockLogits, Precision, Rows
from .streaming_passes import Columns, Pair, add_gradients, compare


@dataclass(frozen=True)
class Task:
    """What is compared, features and prototypes aside.

    ``selections`` holds for each softmap its rows on this rank, and its number of points over all ranks; ``prior`` (K,)
    and ``n_iters`` are None for a target without Sinkhorn.
    """

    student_temperature: float
    teacher_temperature: float
    prior: Tensor | None
    n_iters: int | None
    selections: list[tuple[Rows, int]]
    process_group: object
    precision: Precision

    def pairs(self, student: Tensor, teacher: Tensor, prototypes: Tensor, teacher_prototypes: Tensor) -> list[Pair]:
        """One pair of softmaps for each selection."""
        shared = dict(
            student=BlockLogits(student, prototypes, self.student_temperature, self.precision),
            teacher=BlockLogits(teacher, teacher_prototypes, self.teacher_temperature, self.precision),
            log_prior=None if self.prior is None else self.prior.to(student.device, self.precision.work).log(),
            n_iters=self.n_iters,
            process_group=self.process_group,
        )
        return [Pair(rows=rows, **shared) for rows, _ in self.selections]


class CompareSoftmaps(torch.autograd.Function):
    """(student, teacher, prototypes, teacher_prototypes, task) -> loss, entropy of student and of target.

    Keeps three numbers per prototype and softmap; the backward pass computes the blocks again.
    """

    @staticmethod
    def forward(ctx, student: Tensor, teacher: Tensor, prototypes: Tensor, teacher_prototypes: Tensor, task: Task):
        with torch.autocast(student.device.type, enabled=False):
            compared = [compare(pair) for pair in task.pairs(student, teacher, prototypes, teacher_prototypes)]
        kept = [values for columns, _ in compared for values in (columns.potential, columns.mass, columns.log_total)]
        ctx.save_for_backward(student, teacher, prototypes, teacher_prototypes, *kept)
        ctx.task = task
        scalars = [relative(sums, count) for (_, sums), (_, count) in zip(compared, task.selections)]
        nothing = student.new_tensor([0, math.nan, math.nan], dtype=torch.float64)
        means = torch.stack(scalars).mean(0) if scalars else nothing
        loss, *entropies = means.to(task.precision.work).unbind()
        ctx.mark_non_differentiable(*entropies)
        return loss, *entropies

    @staticmethod
    @once_differentiable
    def backward(ctx, grad: Tensor, *_) -> tuple[Tensor | None, ...]:
        student, teacher, prototypes, teacher_prototypes, *kept = ctx.saved_tensors
        needs_student, _, needs_prototypes, *_ = ctx.needs_input_grad
        # every rank's loss is the sum over ranks: the gradient of sum_over_ranks
        factor = sum_over_ranks(grad, ctx.task.process_group) / (len(prototypes) * max(len(ctx.task.selections), 1))
        grad_student = torch.zeros_like(student) if needs_student else None
        grad_prototypes = torch.zeros_like(prototypes, dtype=ctx.task.precision.work) if needs_prototypes else None
        with torch.autocast(student.device.type, enabled=False):
            for index, pair in enumerate(ctx.task.pairs(student, teacher, prototypes, teacher_prototypes)):
                columns = Columns(*kept[3 * index : 3 * index + 3])
                add_gradients(pair, columns, factor, grad_student, grad_prototypes)
        return grad_student, None, grad_prototypes.to(prototypes.dtype) if needs_prototypes else None, None, None


def relative(sums: Tensor, num_points: int) -> Tensor:
    """(3, K) of :func:`compare` -> (3,): mean divergence, and mean entropies over log N, NaN at N = 1."""
    maximum = math.log(num_points) or math.nan
    return sums.mean(1) / sums.new_tensor([1, maximum, maximum])
