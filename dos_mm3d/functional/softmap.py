"""The softmap and its distillation loss (docs/method.md, "Softmap and loss")."""

import torch
from torch import Tensor

from .distributed import logsumexp_over_points, sum_over_ranks
from .sinkhorn import at_least_float32, require_one_shape


def softmap_kl(student_logits: Tensor, target: Tensor, *, process_group=None) -> Tensor:
    """L = 1/K sum_k KL( target[:, k] || softmax_over_points(student_logits[:, k]) ).

    Args:
        student_logits: (N, K) student cosines over student temperature; computed in float32 (float64 stays).
        target: (N, K), columns sum to 1 (:func:`zipf_sinkhorn`); gets no gradient.
        process_group: the softmax runs over the points of all its ranks; every rank then returns the same scalar.

    Returns:
        Scalar. Its gradient with respect to ``student_logits[i, k]`` is (S[i, k] - target[i, k]) / K.
    """
    require_one_shape('student logits and target', student_logits, target)
    if student_logits.shape[0] == 0 and process_group is None:
        raise ValueError('softmap_kl got no point: a softmap over zero points does not exist')
    logits = at_least_float32(student_logits)
    target = target.detach().to(logits)
    log_student = logits - logsumexp_over_points(logits, process_group)
    divergence = (torch.xlogy(target, target) - target * log_student).sum(0)
    return sum_over_ranks(divergence, process_group).mean()
