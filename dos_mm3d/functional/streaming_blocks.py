"""Blocks of an N x K matrix of logits that is never held: how they are computed, and how their columns add up."""

from dataclasses import dataclass

import torch
import torch.distributed as dist
from torch import Tensor

from .distributed import reduce_over_ranks

HALF = (torch.float16, torch.bfloat16)
# elements of one block. One CPU thread: the two blocks that an operation reads and writes fit the second-level cache of
# a core (2 x 1 MiB). Several threads wait for the slowest after every operation: fewer and larger blocks. A GPU wants
# them large enough to hide the launch of its kernels (32 MiB, not measured).
BLOCK_ELEMENTS = {'one thread': 2**18, 'threads': 2**20, 'gpu': 2**23}


def block_kind(device: torch.device) -> str:
    """The key of BLOCK_ELEMENTS for a device."""
    if device.type != 'cpu':
        return 'gpu'
    return 'one thread' if torch.get_num_threads() == 1 else 'threads'


@dataclass(frozen=True)
class Precision:
    """``work``: dtype of logits and of all sums. ``matmul``: dtype of the factors of matrix products."""

    work: torch.dtype
    matmul: torch.dtype

    @classmethod
    def of(cls, *tensors: Tensor) -> 'Precision':
        """float64 where one of the tensors is, else float32; bfloat16 products on CUDA for half inputs or autocast.

        Has to be asked before autocast is switched off.
        """
        if any(x.dtype == torch.float64 for x in tensors):
            return cls(torch.float64, torch.float64)
        half = any(x.dtype in HALF for x in tensors) or torch.is_autocast_enabled()
        on_gpu = tensors[0].device.type == 'cuda'
        return cls(torch.float32, torch.bfloat16 if half and on_gpu else torch.float32)


class BlockLogits:
    """Features (N, D) @ prototypes (K, D).T / temperature, computed block by block when asked for."""

    def __init__(self, features: Tensor, prototypes: Tensor, temperature: float, precision: Precision) -> None:
        self.features, self.temperature, self.precision = features, temperature, precision
        self.prototypes = prototypes.to(precision.matmul)

    def factor(self, rows: slice) -> Tensor:
        """(n, D) features of the rows, as the matrix products take them."""
        return self.features[rows].to(self.precision.matmul)

    def write(self, rows: slice, bias: Tensor, out: Tensor) -> Tensor:
        """(n, K) logits of the rows plus bias (K,), written to ``out``; float32 (float64 stays)."""
        factor = self.factor(rows)
        if factor.dtype == out.dtype:
            return torch.addmm(bias, factor, self.prototypes.t(), alpha=1 / self.temperature, out=out)
        return out.copy_(factor @ self.prototypes.t()).div_(self.temperature).add_(bias)


class ColumnLogSumExp:
    """log sum_i exp(x[i, k]) over the blocks added so far, with the running column maximum taken out.

    Blocks are summed in their own dtype, the sums of blocks in float64: hundreds of them lose digits in float32.
    ``first_moment`` is sum_i exp(x[i, k]) x[i, k] on the same scale: what the entropy of the column's softmax needs.
    """

    def __init__(self, like: Tensor) -> None:
        self.top = torch.full_like(like, -torch.inf)
        self.total = torch.zeros_like(like, dtype=torch.float64)
        self.first_moment = torch.zeros_like(like, dtype=torch.float64)

    @classmethod
    def of_parts(cls, top: Tensor, total: Tensor, first_moment: Tensor) -> 'ColumnLogSumExp':
        """Of several shares of the rows, (S, K) each; one without any row has the top -inf and sums of 0."""
        whole = cls(top[0])
        whole.top = top.amax(0)
        scale = (top.double() - whole.top).exp().masked_fill(top == -torch.inf, 0)
        whole.total, whole.first_moment = (total * scale).sum(0), (first_moment * scale).sum(0)
        return whole

    def add(self, block: Tensor, scratch: Tensor) -> None:
        """Take in a block (n, K); ``scratch`` (n, K) is overwritten."""
        top = torch.maximum(self.top, block.amax(0))
        rescale = (self.top - top).exp_()
        weight = torch.sub(block, top, out=scratch).exp_()
        self.total.mul_(rescale).add_(weight.sum(0))
        self.first_moment.mul_(rescale).add_(weight.mul_(block).sum(0))
        self.top = top

    def reduce(self, process_group=None) -> tuple[Tensor, Tensor]:
        """(K,) logsumexp and mean of x under the softmax of each column, float64, over the rows of all ranks."""
        top = reduce_over_ranks(self.top, process_group, dist.ReduceOp.MAX)
        sums = torch.stack((self.total, self.first_moment)) * (self.top - top).exp()
        total, moment = reduce_over_ranks(sums, process_group)
        return top + total.log(), moment / total
