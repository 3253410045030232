"""What to watch instead of the loss, which constant features make zero (docs/method.md, "Monitors")."""

import math

import torch
from torch import Tensor

from ..cpu.scatter import points_in_rows
from .distributed import count_over_ranks, sum_over_ranks

ENTROPY_EPS = 1e-7
"""Added to the probabilities of latent categories, as AsymDSD logs their entropies."""


def column_entropy(softmap: Tensor, *, process_group=None) -> Tensor:
    """Mean over prototypes of H(softmap[:, k]) / log N in [0, 1]; 1 is the uniform map of collapsed features.

    softmap: (N, K), columns sum to 1 over the points of all ranks of ``process_group``, at least 2 in all.
    """
    count = count_over_ranks(len(softmap), process_group, device=softmap.device)
    return -sum_over_ranks(torch.xlogy(softmap, softmap).sum(0), process_group).mean() / math.log(count)


def feature_spread(features: Tensor) -> Tensor:
    """Mean over channels of the standard deviation over points, times sqrt(D); unit features (N, D).

    1 for directions spread evenly over the sphere, 0 for constant features.
    """
    return features.float().std(0, correction=0).mean() * features.shape[1] ** 0.5


def effective_rank(features: Tensor) -> Tensor:
    """exp of the entropy of the normalised singular values of the centred features (N, D) (Roy & Vetterli 2007).

    Between 1 and min(N, D); 0 for constant features, which have no direction at all; NaN where a feature is not finite.
    """
    if not features.isfinite().all():
        return features.new_full((), math.nan)  # eigvalsh would raise, and not say why
    centred = features.double() - features.double().mean(0)
    # singular values from the D x D Gram matrix: N is thousands, D is tens
    values = torch.linalg.eigvalsh(centred.T @ centred).clamp_min(0).sqrt()
    total = values.sum()
    if total <= 1e-9 * max(len(features), 1):
        return features.new_zeros(())
    share = values / total
    return torch.exp(-torch.xlogy(share, share).sum())


def prototype_usage(cosines: Tensor) -> Tensor:
    """Share of points whose largest cosine is prototype k; (N, K) -> (K,) that sums to 1."""
    return points_in_rows(cosines.argmax(1), cosines.shape[1]).to(torch.float64) / len(cosines)


def usage_entropy(usage: Tensor) -> Tensor:
    """H(usage) / log K in [0, 1]; 1 where all prototypes are used alike, 0 where one takes every point; usage (K,)."""
    return -torch.xlogy(usage, usage).sum() / math.log(max(len(usage), 2))


def used_share(usage: Tensor) -> Tensor:
    """Share of prototypes with usage above 1 / (10 K); usage (K,)."""
    return (usage > 1.0 / (10 * len(usage))).double().mean()


def posterior_entropy(target: Tensor) -> Tensor:
    """Mean over rows of H(target[i]) in nats, with ENTROPY_EPS added to each probability; target (..., Z)."""
    return _entropy(target).mean()


def marginal_entropy(target: Tensor) -> Tensor:
    """H of the mean row in nats, with ENTROPY_EPS added to each probability; target (..., Z).

    At least the mean posterior entropy, and equal to it where all rows are one distribution.
    """
    return _entropy(target.flatten(0, -2).mean(0))


def _entropy(probability: Tensor) -> Tensor:
    """(..., Z) -> (...)."""
    shifted = probability + ENTROPY_EPS
    return -(shifted * shifted.log()).sum(-1)
