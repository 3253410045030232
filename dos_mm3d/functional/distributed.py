"""Reductions over points that may lie on several ranks; with ``process_group`` None they are the plain local ones."""

import torch
import torch.distributed as dist
from torch import Tensor


class _AllReduceSum(torch.autograd.Function):
    """Sum over ranks whose gradient is again the sum over ranks.

    Every rank then holds the same loss, and DDP's mean over ranks gives exactly the gradient of one process that saw
    all points.
    """

    @staticmethod
    def forward(ctx, value: Tensor, group) -> Tensor:
        ctx.group = group
        return reduce_over_ranks(value, group)

    @staticmethod
    def backward(ctx, grad: Tensor) -> tuple[Tensor, None]:
        return reduce_over_ranks(grad, ctx.group), None


class _AllGather(torch.autograd.Function):
    """Rows of all ranks, one rank after the other; the gradient of a row is the sum over ranks, at its owner."""

    @staticmethod
    def forward(ctx, rows: Tensor, group) -> Tensor:
        ctx.group, ctx.count = group, len(rows)
        gathered = [torch.empty_like(rows) for _ in range(dist.get_world_size(group))]
        dist.all_gather(gathered, rows.contiguous(), group=group)
        return torch.cat(gathered)

    @staticmethod
    def backward(ctx, grad: Tensor) -> tuple[Tensor, None]:
        first = dist.get_rank(ctx.group) * ctx.count
        return reduce_over_ranks(grad.contiguous(), ctx.group)[first : first + ctx.count], None


def all_ranks():
    """The process group of a distributed run; None where there is one process."""
    return dist.group.WORLD if dist.is_available() and dist.is_initialized() else None


def gather_over_ranks(rows: Tensor, process_group=None) -> tuple[Tensor, int]:
    """Differentiable: the rows (n, ...) of all ranks, n the same on each, and where this rank's begin; with None the
    rows themselves and 0."""
    if process_group is None:
        return rows, 0
    return _AllGather.apply(rows, process_group), dist.get_rank(process_group) * len(rows)


def sum_over_ranks(value: Tensor, process_group=None) -> Tensor:
    """Differentiable sum of ``value`` over the ranks of ``process_group``; the value itself when that is None."""
    return value if process_group is None else _AllReduceSum.apply(value, process_group)


def reduce_over_ranks(value: Tensor, process_group=None, op=dist.ReduceOp.SUM) -> Tensor:
    """``value`` reduced over the ranks of ``process_group``, without gradient; the value itself when that is None."""
    if process_group is None:
        return value
    total = value.clone()
    dist.all_reduce(total, op=op, group=process_group)
    return total


def logsumexp_over_points(logits: Tensor, process_group=None) -> Tensor:
    """log sum_i exp(logits[i, k]) over the points of all ranks; (N, K) -> (K,). N may be 0 on some ranks, not all."""
    if process_group is None:
        return logits.logsumexp(0)
    top = logits.detach().amax(0) if len(logits) else logits.new_full(logits.shape[1:], -torch.inf)
    top = reduce_over_ranks(top, process_group, dist.ReduceOp.MAX)
    return top + sum_over_ranks((logits - top).exp().sum(0), process_group).log()


def count_over_ranks(n: int, process_group=None, *, device: torch.device | str = 'cpu') -> int:
    """Number of points over all ranks of ``process_group``; without one, n itself, and no device is asked."""
    if process_group is None:
        return n
    return int(sum_over_ranks(torch.tensor(float(n), device=device, dtype=torch.float64), process_group))
