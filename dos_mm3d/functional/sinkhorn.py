"""Zipf-Sinkhorn: the teacher's softmap, regularised by a prior over prototypes (docs/method.md, "Zipf-Sinkhorn")."""

import torch
from torch import Tensor

from ..errors import InputError
from .distributed import count_over_ranks, logsumexp_over_points


def at_least_float32(x: Tensor) -> Tensor:
    """Half-precision becomes float32, float32 and float64 stay: exp(1 / 0.04) overflows float16."""
    return x if x.dtype == torch.float64 else x.float()


def require_one_shape(names: str, first: Tensor, second: Tensor) -> None:
    """ValueError unless two tensors, ``names``, are matrices whose rows and columns belong together."""
    if first.shape != second.shape or first.ndim != 2:
        raise ValueError(f'wanted {names} of one shape (N, C), got {tuple(first.shape)} and {tuple(second.shape)}')


def check_rounds(n_iters: int) -> None:
    """InputError for fewer than two Sinkhorn rounds."""
    if n_iters < 2:
        raise InputError(
            f'n_iters must be >= 2, got {n_iters}: with one round the last column step divides the prior out'
        )


@torch.no_grad()
def zipf_sinkhorn(logits: Tensor, prior: Tensor, *, n_iters: int, process_group=None) -> Tensor:
    """Targets whose columns are distributions over points, with prototype k weighted by ``prior[k]`` on the way.

    In log space, F = logits; ``n_iters`` times: rows (each point carries the same mass), then columns (prototype k
    carries w_k); at the end the columns once more, without the prior (the method ends on columns). The global
    normalisation and the 1/n of the rows in the paper's listing are constants that the last step removes.

    Args:
        logits: (N, K) teacher cosines over teacher temperature, any float dtype; computed in float32 (float64 stays).
        prior: (K,) positive, sums to 1 (:func:`zipf_prior`).
        n_iters: rounds T >= 2; the prior is inert at T = 1.
        process_group: normalise over the points of all its ranks; None: over these N points.

    Returns:
        (N, K); every column sums to 1 over the points of all ranks.
    """
    if logits.ndim != 2 or prior.ndim != 1 or logits.shape[1] != len(prior):
        raise ValueError(f'wanted logits (N, K) and prior (K,), got {tuple(logits.shape)} and {tuple(prior.shape)}')
    check_rounds(n_iters)
    if count_over_ranks(len(logits), process_group, device=logits.device) == 0:
        raise ValueError('zipf_sinkhorn got no point: a softmap over zero points does not exist')
    log_q = at_least_float32(logits)
    log_prior = prior.to(log_q).log()
    for _ in range(n_iters):
        log_q = log_q - log_q.logsumexp(1, keepdim=True)
        log_q = log_q - logsumexp_over_points(log_q, process_group) + log_prior
    return (log_q - logsumexp_over_points(log_q, process_group)).exp()
