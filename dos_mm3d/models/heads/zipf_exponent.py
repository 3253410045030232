"""The Zipf exponent of a run, estimated while it trains: ``alpha='auto'``."""

import torch
import torch.distributed as dist
from torch import Tensor, nn

from ...functional.zipf import exponent_of_mean_log_rank, mean_log_rank

MOMENTUM = 0.98
"""Share of the averages that stays at a step: they look back over some 50 steps."""
ALPHA_RANGE = (0.0, 3.0)
"""Smallest and largest exponent; the paper reports instability from 2 on, the ablations end at 3."""


class ZipfExponent(nn.Module):
    """Maximum-likelihood exponent of the teacher's own use of the prototypes, averaged over steps.

    Each step counts the points whose nearest prototype is k: the teacher's assignment before Sinkhorn, so that the
    prior does not measure itself. Prototypes are ranked by the moving average of the steps *before*, whose noise is
    another one: counts ranked by themselves would find a slope in any noise
    (:func:`~dos_mm3d.functional.zipf.estimate_zipf_exponent`). The mean log rank is averaged and turned into
    the exponent, clamped to ``ALPHA_RANGE``. Only the first step has no other ranks than its own.

    Counts are summed over all ranks, whatever the scope of the softmap: there is one exponent for a run. All state is
    in buffers, so a resumed run goes on exactly.

    Args:
        num_prototypes: K.
    """

    def __init__(self, num_prototypes: int) -> None:
        super().__init__()
        self.register_buffer('usage', torch.zeros(num_prototypes, dtype=torch.float64))
        self.register_buffer('log_rank', torch.zeros((), dtype=torch.float64))
        self.register_buffer('weight', torch.zeros((), dtype=torch.float64))
        self.register_buffer('alpha', torch.tensor(sum(ALPHA_RANGE) / 2, dtype=torch.float64))

    @torch.no_grad()
    def update(self, nearest: Tensor) -> float:
        """Take in one step: nearest (N,) int64, each point's prototype. Returns the exponent to use from now on.

        A step without any point, on any rank, changes nothing.
        """
        counts = torch.bincount(nearest, minlength=len(self.usage)).to(self.usage)
        if dist.is_available() and dist.is_initialized():
            dist.all_reduce(counts)
        if counts.sum() > 0:
            log_rank = mean_log_rank(counts, order_by=self.usage if self.weight > 0 else None)
            take = 1 - MOMENTUM
            self.usage.lerp_(counts / counts.sum(), take)
            self.log_rank.lerp_(self.log_rank.new_tensor(log_rank), take)
            self.weight.lerp_(torch.ones_like(self.weight), take)
            # the averages start at 0: their weight so far is 1 - momentum^steps
            alpha = exponent_of_mean_log_rank(float(self.log_rank / self.weight), len(self.usage))
            self.alpha.fill_(min(max(alpha, ALPHA_RANGE[0]), ALPHA_RANGE[1]))
        return float(self.alpha)
