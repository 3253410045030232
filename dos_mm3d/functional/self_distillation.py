"""Self-distillation over latent categories: targets, losses, running centres (docs/objects.md, "Losses")."""

import torch
from torch import Tensor
from torch.nn import functional as F

from .distributed import count_over_ranks, gather_over_ranks, reduce_over_ranks
from .sinkhorn import at_least_float32

KOLEO_EPS = 1e-6
"""Added to every component of a difference, and again to its length: two equal rows have a finite loss."""
UNIT_EPS = 1e-6
"""Smallest length by which a vector is divided."""


def category_logits(features: Tensor, direction: Tensor, gain: Tensor, bias: Tensor) -> Tensor:
    """Weight-normalised prototypes: logit_z = gain_z <features, direction_z> / |direction_z| + bias_z.

    Args:
        features: (..., C), of length 1.
        direction: (Z, C).
        gain: (Z, 1).
        bias: (Z,).
    """
    return F.linear(features, gain * direction / torch.linalg.vector_norm(direction, dim=1, keepdim=True), bias)


def target_distribution(logits: Tensor, centre: Tensor, *, temperature: float) -> Tensor:
    """p = softmax((logits - centre) / temperature); (..., Z), (Z,) -> (..., Z) without gradient."""
    return ((at_least_float32(logits) - centre) / temperature).softmax(-1).detach()


def moved_centre(centre: Tensor, logits: Tensor, *, momentum: float, process_group=None) -> Tensor:
    """centre <- momentum centre + (1 - momentum) mean of the teacher's logits, over the rows of all ranks.

    Args:
        centre: (Z,).
        logits: (..., Z), uncentred.
        momentum: share of the centre that stays.
        process_group: whose ranks' rows are counted; None: this rank's.
    """
    rows = at_least_float32(logits.detach()).flatten(0, -2)
    count = count_over_ranks(len(rows), process_group, device=rows.device)
    mean = reduce_over_ranks(rows.sum(0), process_group) / count
    return momentum * centre + (1 - momentum) * mean


def distillation_loss(student_logits: Tensor, target: Tensor, *, temperature: float) -> Tensor:
    """L = -1/N sum_i sum_z target[i, z] log softmax(student_logits[i] / temperature)[z].

    Args:
        student_logits: (..., Z).
        target: (..., Z), row i belongs to row i.
        temperature: the student's.

    Returns:
        Scalar. Its gradient with respect to ``student_logits[i]`` is (softmax - target) / (temperature N).
    """
    if student_logits.shape != target.shape:
        raise ValueError(f'student logits {tuple(student_logits.shape)} and target {tuple(target.shape)} differ')
    log_student = (at_least_float32(student_logits) / temperature).log_softmax(-1)
    return -(target * log_student).sum(-1).mean()


def distillation_loss_of_pairs(student_logits: Tensor, target: Tensor, *, temperature: float) -> Tensor:
    """Mean of :func:`distillation_loss` over all pairs of a student's and a teacher's view of a cloud.

    The loss is linear in the target, so the mean target is all that it needs. (B, S, Z), (B, T, Z) -> scalar.
    """
    if student_logits.shape[::2] != target.shape[::2]:
        raise ValueError(f'student logits {tuple(student_logits.shape)} and target {tuple(target.shape)} do not pair')
    mean = target.mean(1, keepdim=True).expand(-1, student_logits.shape[1], -1)
    return distillation_loss(student_logits, mean, temperature=temperature)


def koleo_loss(embeddings: Tensor, *, process_group=None) -> Tensor:
    """Kozachenko-Leonenko estimator of negative entropy: L = -mean log(|x_i - x_nn(i) + eps| + eps).

    Rows are set to length 1, the nearest neighbour of a row is the one of largest cosine in the same slot; gradients
    reach both ends (Sablayrolles et al. 2019). A row that is alone is its own neighbour.

    Args:
        embeddings: (B, S, D): of B clouds, in S slots.
        process_group: neighbours are sought over all its ranks, as many clouds on each; None: on this rank.

    Returns:
        Scalar, the mean over this rank's rows; the mean of it over ranks is what one rank with all clouds gets.
    """
    own = F.normalize(at_least_float32(embeddings), dim=-1, eps=UNIT_EPS).transpose(0, 1)
    clouds, first = gather_over_ranks(own.transpose(0, 1), process_group)
    everyone = clouds.transpose(0, 1)
    with torch.no_grad():
        cosine = own @ everyone.transpose(1, 2)
        itself = torch.arange(own.shape[1], device=own.device)
        cosine[:, itself, first + itself] = -2.0  # below any cosine
        nearest = cosine.argmax(2)
    slot = torch.arange(len(own), device=own.device)[:, None]
    distance = F.pairwise_distance(own, everyone[slot, nearest], eps=KOLEO_EPS)
    return -(distance + KOLEO_EPS).log().mean()
