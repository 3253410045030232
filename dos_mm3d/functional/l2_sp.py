"""L2-SP: weight decay towards the weights that a training starts from, not towards zero."""

from collections.abc import Iterable

import torch
from torch import Tensor

from ..errors import InputError


@torch.no_grad()
def pull_back_(weights: Iterable[Tensor], start: Iterable[Tensor], *, share: float) -> None:
    """w <- w - share * (w - w0), in place: a gradient step on 1/2 |w - w0|^2, decoupled from that of the loss.

    The penalty is that of Li, Grandvalet and Davoine (ICML 2018, "Explicit inductive bias for transfer learning"); as
    AdamW's weight decay it stands beside the adaptive step, not in the gradient.

    Args:
        weights: tensors w that train.
        start: tensors w0, as many, of the same shapes.
        share: learning rate times strength of the penalty; InputError outside [0, 1].
    """
    if not 0.0 <= share <= 1.0:
        raise InputError(f'learning rate times strength must be in [0, 1], got {share}: the pull would overshoot')
    torch._foreach_lerp_(list(weights), list(start), share)
