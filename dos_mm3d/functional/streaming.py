"""The softmap loss without an N x K matrix: time of O(N K D), memory of O((N + K) D).

docs/method.md, "Softmap and loss" and "Zipf-Sinkhorn".
"""

import math
from typing import NamedTuple

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

from ..errors import InputError
from .distributed import count_over_ranks, sum_over_ranks
from .sinkhorn import check_rounds
from .streaming_blocks import BlockLogits, Precision
from .streaming_passes import Columns, Softmaps, add_gradients, compare


class StreamedSoftmaps(NamedTuple):
    """Scalars of one comparison of softmaps; only ``loss`` has a gradient.

    The entropies are those of :func:`column_entropy`: means over prototypes of H(column) / log N in [0, 1]; NaN for a
    single point.
    """

    loss: Tensor
    student_entropy: Tensor
    target_entropy: Tensor


def streaming_softmap_loss(student: Tensor, teacher: Tensor, prototypes: Tensor, prior: Tensor, **settings) -> Tensor:
    """softmap_kl(student logits, zipf_sinkhorn(teacher logits)), value and gradients, without an N x K matrix.

    Arguments, keyword arguments and errors are those of :func:`streaming_softmaps`.

    Returns:
        Scalar; its gradient with respect to student logit (i, k) is (student softmap - target)[i, k] / K. Only
        ``student`` and ``prototypes`` get gradients, once: there is no second derivative.
    """
    return streaming_softmaps(student, teacher, prototypes, prior, **settings).loss


def streaming_softmaps(
    student: Tensor,
    teacher: Tensor,
    prototypes: Tensor,
    prior: Tensor | None,
    *,
    student_temperature: float,
    teacher_temperature: float,
    n_iters: int | None,
    teacher_prototypes: Tensor | None = None,
    process_group=None,
    precision: Precision | None = None,
) -> StreamedSoftmaps:
    """:func:`streaming_softmap_loss` and, from the same passes, the entropies that tell a collapse.

    The logits are ``student @ prototypes.T / student_temperature`` and ``teacher @ teacher_prototypes.T /
    teacher_temperature``. Nothing is normalised here: pass unit features and unit prototypes for cosines.

    Args:
        student: (N, D) features. float64 is computed in float64, everything else in float32; on CUDA, half inputs or
            autocast mean bfloat16 matrix products with float32 sums.
        teacher: (N, D) features; row i belongs to row i of the student's.
        prototypes: (K, D), the student's.
        prior: (K,) positive, sums to 1 (:func:`zipf_prior`). None, and n_iters None: the target is the teacher's own
            softmax over points, without Sinkhorn.
        student_temperature: positive.
        teacher_temperature: positive.
        n_iters: Sinkhorn rounds T >= 2.
        teacher_prototypes: (K, D); None takes ``prototypes``. The teacher's side never gets a gradient.
        process_group: one softmax over the points of all its ranks, of which some may have none. Every rank returns
            the same scalar, and DDP's mean over ranks is the gradient of one process that saw all points.
        precision: None asks the tensors and autocast, as said above.

    Raises:
        ValueError: shapes that do not fit, no point at all, fewer than two rounds, or a temperature that is not
            positive.
    """
    teacher = teacher.detach()
    teacher_prototypes = (prototypes if teacher_prototypes is None else teacher_prototypes).detach()
    check_tensors(student, teacher, prototypes, teacher_prototypes, prior)
    check_settings(prior, n_iters, student_temperature, teacher_temperature)
    count = count_over_ranks(len(student), process_group, device=student.device)
    if count == 0:
        raise ValueError('streaming_softmap_loss got no point: a softmax over zero points does not exist')
    precision = precision or Precision.of(student, teacher, prototypes)
    log_prior = None if prior is None else prior.to(student.device, precision.work).log()

    def softmaps(student: Tensor, teacher: Tensor, prototypes: Tensor, teacher_prototypes: Tensor) -> Softmaps:
        """The two softmaps; the backward pass makes them again from what autograd has saved."""
        of_student = BlockLogits(student, prototypes, student_temperature, precision)
        of_teacher = BlockLogits(teacher, teacher_prototypes, teacher_temperature, precision)
        return Softmaps(of_student, of_teacher, log_prior, n_iters, process_group)

    return StreamedSoftmaps(*CompareSoftmaps.apply(student, teacher, prototypes, teacher_prototypes, softmaps, count))


@torch.no_grad()
def streaming_column_entropies(
    student: Tensor, teacher: Tensor, prototypes: Tensor, prior: Tensor | None, **settings
) -> tuple[Tensor, Tensor]:
    """(student, target) entropies as :func:`column_entropy` has them, without an N x K matrix.

    Arguments as for :func:`streaming_softmaps`, which gives these two numbers together with the loss.
    Raises ValueError also for a single point, which has no entropy.
    """
    softmaps = streaming_softmaps(student, teacher, prototypes, prior, **settings)
    if softmaps.student_entropy.isnan() and not softmaps.loss.isnan():
        raise ValueError(f'an entropy over points needs two of them, got {len(student)}')
    return softmaps.student_entropy, softmaps.target_entropy


class CompareSoftmaps(torch.autograd.Function):
    """(student, teacher, prototypes, teacher_prototypes, softmaps, count) -> loss, entropy of student and of target.

    ``softmaps`` makes :class:`Softmaps` of the four tensors; ``count``: points over all ranks. Keeps three numbers per
    prototype; the backward pass computes the blocks again.
    """

    @staticmethod
    def forward(ctx, student, teacher, prototypes, teacher_prototypes, softmaps, count):
        tensors = student, teacher, prototypes, teacher_prototypes
        with torch.autocast(student.device.type, enabled=False):
            columns, sums = compare(softmaps(*tensors))
        ctx.save_for_backward(*tensors, columns.potential, columns.mass, columns.log_total)
        ctx.softmaps = softmaps
        maximum = math.log(count) or math.nan
        means = sums.mean(1)
        means[1:] /= maximum
        loss, *entropies = means.to(columns.mass).unbind()
        ctx.mark_non_differentiable(*entropies)
        return loss, *entropies

    @staticmethod
    @once_differentiable
    def backward(ctx, grad: Tensor, *_) -> tuple[Tensor | None, ...]:
        *tensors, potential, mass, log_total = ctx.saved_tensors
        student, _, prototypes, _ = tensors
        needs_student, _, needs_prototypes, *_ = ctx.needs_input_grad
        grad_student = torch.zeros_like(student) if needs_student else None
        grad_prototypes = torch.zeros_like(prototypes, dtype=mass.dtype) if needs_prototypes else None
        with torch.autocast(student.device.type, enabled=False):
            maps = ctx.softmaps(*tensors)
            # every rank's loss is the sum over ranks: the gradient of sum_over_ranks
            factor = sum_over_ranks(grad, maps.process_group) / len(prototypes)
            add_gradients(maps, Columns(potential, mass, log_total), factor, grad_student, grad_prototypes)
        if needs_prototypes:
            grad_prototypes = grad_prototypes.to(prototypes.dtype)
        return grad_student, None, grad_prototypes, None, None, None


def check_tensors(
    student: Tensor, teacher: Tensor, prototypes: Tensor, teacher_prototypes: Tensor, prior: Tensor | None
) -> None:
    """ValueError for shapes that do not fit each other."""
    if student.ndim != 2 or student.shape != teacher.shape:
        raise ValueError(
            f'wanted student and teacher features of one shape (N, D), got {tuple(student.shape)} '
            f'and {tuple(teacher.shape)}: rows have to be matched pairs'
        )
    for name, value in (('prototypes', prototypes), ('teacher_prototypes', teacher_prototypes)):
        if value.ndim != 2 or value.shape[1] != student.shape[1] or len(value) != len(prototypes):
            raise ValueError(
                f'wanted {name} (K, D) for features {tuple(student.shape)} and {len(prototypes)} prototypes, '
                f'got {tuple(value.shape)}'
            )
    if len(prototypes) == 0:
        raise ValueError(f'wanted at least one prototype, got prototypes {tuple(prototypes.shape)}')
    if prior is not None and prior.shape != prototypes.shape[:1]:
        raise ValueError(f'wanted prior (K,) = ({len(prototypes)},), got {tuple(prior.shape)}')


def check_settings(
    prior: Tensor | None, n_iters: int | None, student_temperature: float, teacher_temperature: float
) -> None:
    """ValueError for numbers that define no loss."""
    if (prior is None) != (n_iters is None):
        raise ValueError('prior and n_iters belong together: give both for Zipf-Sinkhorn, None for both to go without')
    if n_iters is not None:
        check_rounds(n_iters)
    for name, value in (('student_temperature', student_temperature), ('teacher_temperature', teacher_temperature)):
        if not value > 0:
            raise InputError(f'{name} must be positive, got {value}')
