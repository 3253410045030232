"""Inputs and reference values that several tests of the streaming loss share."""

from collections.abc import Callable

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from dos_mm3d.functional import softmap_kl, streaming_blocks, streaming_softmap_loss, zipf_sinkhorn

TEMPERATURES = dict(student_temperature=0.1, teacher_temperature=0.05)


def unit_rows(seed: int, rows: int, channels: int, dtype: torch.dtype = torch.float64) -> Tensor:
    """(rows, channels) random unit vectors."""
    generator = torch.Generator().manual_seed(seed)
    return F.normalize(torch.randn(rows, channels, generator=generator, dtype=torch.float64), dim=1).to(dtype)


def case(num_points: int, num_prototypes: int, channels: int = 8, dtype: torch.dtype = torch.float64) -> list[Tensor]:
    """Student and teacher features, which resemble each other, and prototypes, all of unit rows."""
    student, noise, prototypes = (
        unit_rows(seed, rows, channels) for seed, rows in enumerate((num_points, num_points, num_prototypes))
    )
    teacher = F.normalize(student + 0.7 * noise, dim=1)
    return [student.to(dtype), teacher.to(dtype), prototypes.to(dtype)]


def set_block_elements(monkeypatch, elements: int) -> None:
    """Let every block hold that many elements, and at least 16 rows."""
    for kind in streaming_blocks.BLOCK_ELEMENTS:
        monkeypatch.setitem(streaming_blocks.BLOCK_ELEMENTS, kind, elements)


def plain_loss(
    student: Tensor,
    teacher: Tensor,
    prototypes: Tensor,
    prior: Tensor,
    *,
    n_iters: int,
    teacher_prototypes: Tensor | None = None,
    process_group=None,
) -> Tensor:
    """The loss from the functions that hold N x K matrices, at TEMPERATURES."""
    teacher_prototypes = prototypes if teacher_prototypes is None else teacher_prototypes
    teacher_logits = teacher @ teacher_prototypes.T / TEMPERATURES['teacher_temperature']
    target = zipf_sinkhorn(teacher_logits, prior, n_iters=n_iters, process_group=process_group)
    logits = student @ prototypes.T / TEMPERATURES['student_temperature']
    return softmap_kl(logits, target, process_group=process_group)


def value_and_gradients(loss: Callable[[Tensor, Tensor], Tensor], student: Tensor, prototypes: Tensor) -> list[Tensor]:
    """Loss(student, prototypes) and its gradients with respect to both."""
    student, prototypes = student.clone().requires_grad_(), prototypes.clone().requires_grad_()
    value = loss(student, prototypes)
    value.backward()
    return [value.detach(), student.grad, prototypes.grad]


def streamed_target(logits: Tensor, prior: Tensor, *, n_iters: int, **settings) -> Tensor:
    """(N, K) target of the streaming loss, read off its gradient.

    With the unit matrix as prototypes and temperature 1, features are logits; a student of zeros has the softmap 1 / N,
    and its gradient is (1 / N - target) / K.
    """
    student = torch.zeros_like(logits, requires_grad=True)
    eye = torch.eye(logits.shape[1], dtype=logits.dtype)
    loss = streaming_softmap_loss(
        student, logits, eye, prior, student_temperature=1.0, teacher_temperature=1.0, n_iters=n_iters, **settings
    )
    loss.backward()
    return 1 / len(logits) - student.grad * logits.shape[1]


def oracle_target(logits: np.ndarray, prior: np.ndarray, rounds: int) -> np.ndarray:
    """docs/method.md, "Zipf-Sinkhorn", in linear float64 arithmetic: every constant of the paper's listing kept."""
    q = np.exp(logits.astype(np.float64))
    q /= q.sum()
    for _ in range(rounds):
        q = q / q.sum(1, keepdims=True) / len(q)
        q = q / q.sum(0, keepdims=True) * prior.astype(np.float64)
    return q / q.sum(0, keepdims=True)


def oracle_loss(student_logits: np.ndarray, target: np.ndarray) -> float:
    """Mean over prototypes of the KL of docs/method.md, "Softmap and loss", written out column by column in float64."""
    columns = []
    for a, t in zip(student_logits.T.astype(np.float64), target.T):
        probability = np.exp(a - a.max()) / np.exp(a - a.max()).sum()
        columns.append(float((t * (np.log(t) - np.log(probability))).sum()))
    return float(np.mean(columns))
