"""The Zipf prior over prototypes (docs/method.md, "Notation")."""

import torch
from torch import Tensor

from ..errors import InputError


def zipf_prior(num_prototypes: int, alpha: float) -> Tensor:
    """w_k = k^-alpha / sum_m m^-alpha for k = 1..K, in fixed index order.

    Returns (K,) float32 that sums to 1; ``alpha`` 0 is the uniform prior of ordinary Sinkhorn.
    Raises ValueError for fewer than one prototype or a negative exponent.
    """
    if num_prototypes < 1:
        raise InputError(f'num_prototypes must be at least 1, got {num_prototypes}')
    if alpha < 0:
        raise InputError(f'alpha must be >= 0, got {alpha}: a negative exponent would favour the last prototypes')
    log_rank = torch.arange(1, num_prototypes + 1, dtype=torch.float64).log()
    return torch.softmax(-alpha * log_rank, dim=0).float()
