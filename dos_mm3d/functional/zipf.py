"""The Zipf prior over prototypes, and its exponent estimated from how they are used (docs/method.md)."""

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
    return torch.softmax(-alpha * log_ranks(num_prototypes), dim=0).float()


MAX_EXPONENT = 16.0


def estimate_zipf_exponent(mass: Tensor, *, order_by: Tensor | None = None) -> float:
    """Maximum-likelihood alpha of mass_(r) ~ r^-alpha, r = 1 .. K: the root of E_alpha[log r] = sum_r mass_(r) log r.

    The ranks are not known beforehand and come from the mass itself, or from ``order_by``, a second measurement whose
    noise is independent of the first's. What that does to the estimate, N points in K prototypes, one draw:

    - own ranks: noise sorts itself and looks like a slope. N = 20 000, K = 1024: 0.18 for a planted 0, 0.515 for 0.5,
      within 0.02 from 1 on; it falls with the root of N / K (0.06 at N = 200 000).
    - ranks of an independent half: 0 for a planted 0, 0.477 for 0.5, within 0.02 from 1 on.

    Give it counts of assignments (argmax). The mean of softmaps is flatter than the usage wherever the temperature is
    not small against the gaps between cosines: a planted 2 is then read as 0.9 to 1.9.

    mass: (K,) non-negative, not all zero, of any scale. Returns alpha in [0, 16]: 16 says that one prototype takes all.
    """
    return exponent_of_mean_log_rank(mean_log_rank(mass, order_by=order_by), len(mass))


def mean_log_rank(mass: Tensor, *, order_by: Tensor | None = None) -> float:
    """sum_k mass_k log r_k / sum_k mass_k, where r_k = 1 for the prototype with the largest ``order_by`` (or mass).

    It is linear in the mass, so that its average over steps is that of the average mass.
    """
    mass = mass.detach().double().cpu()
    if mass.ndim != 1 or not (mass >= 0).all() or not 0 < float(mass.sum()) < torch.inf:
        raise ValueError(f'wanted a finite, non-negative mass (K,) that is not all zero, got {mass}')
    if order_by is not None and order_by.shape != mass.shape:
        raise ValueError(f'wanted order_by like mass {tuple(mass.shape)}, got {tuple(order_by.shape)}')
    order = (mass if order_by is None else order_by.detach().cpu()).argsort(descending=True, stable=True)
    return float(mass[order] @ log_ranks(len(mass)) / mass.sum())


def exponent_of_mean_log_rank(value: float, num_prototypes: int) -> float:
    """The alpha in [0, 16] whose Zipf law over ``num_prototypes`` ranks has E[log rank] = ``value``.

    E[log rank] falls strictly with alpha, from its value under the uniform law towards 0: bisection finds the only
    root, and the nearer end where there is none.
    """
    ranks = log_ranks(num_prototypes)
    low, high = 0.0, MAX_EXPONENT
    for _ in range(50):
        middle = (low + high) / 2
        above = float(torch.softmax(-middle * ranks, dim=0) @ ranks) > value
        low, high = (middle, high) if above else (low, middle)
    return (low + high) / 2


def log_ranks(num_prototypes: int) -> Tensor:
    """log 1 .. log K, float64."""
    return torch.arange(1, num_prototypes + 1, dtype=torch.float64).log()
