"""Zipf-Sinkhorn softmap loss without an N x K matrix (dos.md 3.2, 3.3): time of O(N K D), memory of O((N + K) D)."""

from typing import NamedTuple

import torch
from torch import Tensor

from .distributed import count_over_ranks
from .sinkhorn import check_rounds
from .streaming_autograd import CompareSoftmaps, Task
from .streaming_blocks import Precision


class StreamedSoftmaps(NamedTuple):
    """Scalars of one comparison of softmaps; only ``loss`` has a gradient.

    The entropies are those of :func:`column_entropy`: means over prototypes of H(column) / log N in [0, 1], averaged
    over clouds where there are several softmaps; NaN where no softmax has two points.
    """

    loss: Tensor
    student_entropy: Tensor
    target_entropy: Tensor


def streaming_softmap_loss(
    student: Tensor,
    teacher: Tensor,
    prototypes: Tensor,
    prior: Tensor,
    *,
    student_temperature: float,
    teacher_temperature: float,
    n_iters: int,
    teacher_prototypes: Tensor | None = None,
    cloud_index: Tensor | None = None,
    process_group=None,
) -> Tensor:
    """softmap_kl(student logits, zipf_sinkhorn(teacher logits)), value and gradients, without an N x K matrix.

    The logits are ``student @ prototypes.T / student_temperature`` and ``teacher @ teacher_prototypes.T /
    teacher_temperature``. Nothing is normalised here: pass unit features and unit prototypes for cosines.

    Args:
        student, teacher: (N, D) features whose rows are matched pairs. float64 is computed in float64, everything else
            in float32; on CUDA, half inputs or autocast mean bfloat16 matrix products with float32 sums.
        prototypes: (K, D), the student's.
        prior: (K,) positive, sums to 1 (:func:`zipf_prior`).
        n_iters: Sinkhorn rounds T >= 2.
        teacher_prototypes: (K, D); None takes ``prototypes``. The teacher's side never gets a gradient.
        cloud_index: (N,) integers: one softmax per cloud, and the mean over clouds. Clouds with fewer than two points
            are left out; without any other the loss is 0 and so are its gradients.
        process_group: one softmax over the points of all its ranks, of which some may have none. Every rank returns
            the same scalar, and DDP's mean over ranks is the gradient of one process that saw all points.

    Returns:
        Scalar; its gradient with respect to student logit (i, k) is (student softmap - target)[i, k] / K. Only
        ``student`` and ``prototypes`` get gradients, once: there is no second derivative.

    Raises:
        ValueError: shapes that do not fit, no point at all, fewer than two rounds, a temperature that is not positive,
            or both of ``cloud_index`` and ``process_group``.
    """
    return streaming_softmaps(
        student,
        teacher,
        prototypes,
        prior,
        student_temperature=student_temperature,
        teacher_temperature=teacher_temperature,
        n_iters=n_iters,
        teacher_prototypes=teacher_prototypes,
        cloud_index=cloud_index,
        process_group=process_group,
    ).loss


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
    cloud_index: Tensor | None = None,
    process_group=None,
) -> StreamedSoftmaps:
    """:func:`streaming_softmap_loss` and, from the same passes, the entropies that tell a collapse.

    Arguments and errors as there, and one thing more: with ``prior`` and ``n_iters`` both None the target is the
    teacher's own softmax over points, without Sinkhorn.
    """
    teacher = teacher.detach()
    teacher_prototypes = (prototypes if teacher_prototypes is None else teacher_prototypes).detach()
    check_tensors(student, teacher, prototypes, teacher_prototypes, prior)
    check_settings(prior, n_iters, student_temperature, teacher_temperature)
    if cloud_index is not None and process_group is not None:
        raise ValueError('got both cloud_index and process_group: a softmax runs over one cloud or over all ranks')
    count = count_over_ranks(len(student), process_group, device=student.device)
    if count == 0:
        raise ValueError('streaming_softmap_loss got no point: a softmax over zero points does not exist')
    whole = [(slice(0, len(student)), count)]
    task = Task(
        student_temperature=student_temperature,
        teacher_temperature=teacher_temperature,
        prior=prior,
        n_iters=n_iters,
        selections=whole if cloud_index is None else rows_of_clouds(cloud_index, len(student)),
        process_group=process_group,
        precision=Precision.of(student, teacher, prototypes),
    )
    return StreamedSoftmaps(*CompareSoftmaps.apply(student, teacher, prototypes, teacher_prototypes, task))


@torch.no_grad()
def streaming_column_entropies(
    student: Tensor, teacher: Tensor, prototypes: Tensor, prior: Tensor | None, **settings
) -> tuple[Tensor, Tensor]:
    """(student, target) entropies as :func:`column_entropy` has them, without an N x K matrix.

    Arguments as for :func:`streaming_softmaps`, which gives these two numbers together with the loss.
    Raises ValueError also where no softmax has the two points that an entropy needs.
    """
    softmaps = streaming_softmaps(student, teacher, prototypes, prior, **settings)
    if softmaps.student_entropy.isnan() and not softmaps.loss.isnan():
        raise ValueError(f'an entropy over points needs two of them in one softmax, got {len(student)} points in all')
    return softmaps.student_entropy, softmaps.target_entropy


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
            raise ValueError(f'{name} must be positive, got {value}')


def rows_of_clouds(cloud_index: Tensor, num_points: int) -> list[tuple[Tensor, int]]:
    """Row indices (int64) and their number for each cloud of two points and more; cloud_index (N,), in any order."""
    if cloud_index.shape != (num_points,) or cloud_index.is_floating_point():
        raise ValueError(
            f'wanted cloud_index of {num_points} integers, got {cloud_index.dtype} {tuple(cloud_index.shape)}'
        )
    ordered, order = cloud_index.sort(stable=True)
    counts = ordered.unique_consecutive(return_counts=True)[1].tolist()
    return [(rows, len(rows)) for rows in order.split(counts) if len(rows) >= 2]
