"""Per-point online clustering, which DOS replaces: balanced Sinkhorn and cross-entropy over prototypes (SwAV, Sonata).

Here every row is a distribution over prototypes; in a softmap every column is one over points.
"""

import torch
from torch import Tensor

from ..errors import InputError
from .distributed import count_over_ranks, logsumexp_over_points, sum_over_ranks
from .sinkhorn import at_least_float32, require_one_shape


@torch.no_grad()
def balanced_assignment(logits: Tensor, *, n_iters: int, process_group=None) -> Tensor:
    """Targets whose rows are distributions over prototypes and whose columns tend to equal mass N / K.

    In log space, F = logits; ``n_iters`` times: columns (every prototype carries the same mass), then rows (each point
    one). It ends on rows: the order of SwAV and Sonata, the reverse of Zipf-Sinkhorn.

    Args:
        logits: (N, K) teacher cosines over teacher temperature; computed in float32 (float64 stays).
        n_iters: rounds >= 1.
        process_group: balance over the points of all its ranks; None: over these N points.

    Returns:
        (N, K); every row sums to 1.
    """
    if logits.ndim != 2:
        raise ValueError(f'wanted logits (N, K), got {tuple(logits.shape)}')
    if n_iters < 1:
        raise InputError(f'n_iters must be >= 1, got {n_iters}: without a round nothing is balanced')
    if count_over_ranks(len(logits), process_group, device=logits.device) == 0:
        raise ValueError('balanced_assignment got no point: there is nothing to share among the prototypes')
    log_q = at_least_float32(logits)
    for _ in range(n_iters):
        log_q = log_q - logsumexp_over_points(log_q, process_group)
        log_q = log_q - log_q.logsumexp(1, keepdim=True)
    return log_q.exp()


def clustering_loss(student_logits: Tensor, target: Tensor, *, process_group=None) -> Tensor:
    """L = -1/N sum_i sum_k target[i, k] log softmax_over_prototypes(student_logits[i])[k].

    Args:
        student_logits: (N, K) student cosines over student temperature; computed in float32 (float64 stays).
        target: (N, K), rows sum to 1 (:func:`balanced_assignment`); gets no gradient.
        process_group: the mean runs over the points of all its ranks; every rank then returns the same scalar.

    Returns:
        Scalar, at least the mean entropy of the target rows. Its gradient with respect to ``student_logits[i, k]`` is
        (softmax[i, k] - target[i, k]) / N.
    """
    require_one_shape('student logits and target', student_logits, target)
    count = count_over_ranks(len(student_logits), process_group, device=student_logits.device)
    if count == 0:
        raise ValueError('clustering_loss got no point: the mean over zero points does not exist')
    logits = at_least_float32(student_logits)
    return sum_over_ranks(-(target.detach().to(logits) * logits.log_softmax(1)).sum(), process_group) / count
