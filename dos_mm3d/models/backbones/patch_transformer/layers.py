"""Layers of the transformer over patches: RMSNorm, attention, pre-norm block."""

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from ....errors import InputError
from ....functional.sinkhorn import at_least_float32

INIT_STD = 0.02
"""Of linear layers and tokens."""


class RMSNorm(nn.Module):
    """x / sqrt(mean x^2 + eps) times a learnt weight, over the last axis; torch has it only since 2.4.

    Args:
        channels: width.
        eps: added to the mean square.
    """

    def __init__(self, channels: int, eps: float = 1e-5) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.ones(channels))
        self.eps = eps

    def forward(self, x: Tensor) -> Tensor:
        x = at_least_float32(x)  # squares of half precision overflow
        return x * torch.rsqrt(x.square().mean(-1, keepdim=True) + self.eps) * self.weight


class Attention(nn.Module):
    """Multi-head attention of queries to a memory, without biases.

    Args:
        channels: width, a multiple of ``heads``.
        heads: how many.
    """

    def __init__(self, channels: int, heads: int) -> None:
        super().__init__()
        if min(channels, heads) < 1 or channels % heads:
            raise InputError(f'{channels} channels cannot be shared by {heads} heads: wanted a multiple')
        self.heads = heads
        # queries, keys, values; a parameter of its own, so that init_linear leaves it as it is
        self.in_proj_weight = nn.Parameter(nn.init.xavier_uniform_(torch.empty(3 * channels, channels)))
        self.out_proj = nn.Linear(channels, channels, bias=False)

    def forward(self, query: Tensor, memory: Tensor) -> Tensor:
        """(R, Q, D), (R, S, D) -> (R, Q, D)."""
        to_query, to_memory = self.in_proj_weight.split((query.shape[-1], 2 * query.shape[-1]))
        keys, values = F.linear(memory, to_memory).chunk(2, dim=-1)
        parts = (F.linear(query, to_query), keys, values)
        q, k, v = (part.unflatten(-1, (self.heads, -1)).transpose(1, 2) for part in parts)
        return self.out_proj(F.scaled_dot_product_attention(q, k, v).transpose(1, 2).flatten(2))


class Mlp(nn.Sequential):
    """Linear, GELU, linear, without biases.

    Args:
        channels: width of input and output.
        hidden_channels: width between.
    """

    def __init__(self, channels: int, hidden_channels: int) -> None:
        if hidden_channels < 1:
            raise InputError(f'an MLP has {hidden_channels} channels inside, wanted 1 or more: raise mlp_ratio')
        super().__init__(
            nn.Linear(channels, hidden_channels, bias=False),
            nn.GELU(),
            nn.Linear(hidden_channels, channels, bias=False),
        )


class Block(nn.Module):
    """Pre-norm residual block: attention, then MLP.

    With a memory queries attend to it alone, as it is given; without, the rows attend to each other.

    Args:
        channels: width.
        heads: of the attention.
        mlp_ratio: hidden width of the MLP over ``channels``.
        drop_path: share of the samples of a batch that each branch leaves out while training; the others are scaled
            by 1 / (1 - drop_path). At least one sample is always computed.
    """

    def __init__(self, channels: int, heads: int, mlp_ratio: float = 4.0, drop_path: float = 0.0) -> None:
        super().__init__()
        if not 0 <= drop_path < 1:
            raise InputError(f'drop_path must be in [0, 1), got {drop_path}')
        self.norm1, self.attn = RMSNorm(channels), Attention(channels, heads)
        self.norm2, self.mlp = RMSNorm(channels), Mlp(channels, round(channels * mlp_ratio))
        self.drop_path = drop_path

    def forward(self, x: Tensor, memory: Tensor | None = None) -> Tensor:
        """(R, Q, D), memory (R, S, D) -> (R, Q, D)."""
        x = self.add(x, self.attend, memory)
        return self.add(x, lambda rows, _: self.mlp(self.norm2(rows)), None)

    def attend(self, x: Tensor, memory: Tensor | None) -> Tensor:
        query = self.norm1(x)
        return self.attn(query, query if memory is None else memory)

    def add(self, x: Tensor, branch, memory: Tensor | None) -> Tensor:
        """x and a branch of it, which in training runs on a random subset of the samples."""
        if not self.training or not self.drop_path:
            return x + branch(x, memory)
        keep = 1 - self.drop_path
        kept = torch.randperm(len(x), device=x.device)[: max(1, round(keep * len(x)))]
        change = branch(x[kept], None if memory is None else memory[kept])
        return x.index_add(0, kept, change.to(x.dtype), alpha=1 / keep)


def init_linear(module: nn.Module) -> None:
    """Every linear layer: weights from a normal of INIT_STD, truncated at 2 (100 sd: not at all), biases 0."""
    for layer in module.modules():
        if isinstance(layer, nn.Linear):
            nn.init.trunc_normal_(layer.weight, std=INIT_STD)
            if layer.bias is not None:
                nn.init.zeros_(layer.bias)


def blocks(depth: int, *args: float) -> nn.ModuleList:
    """So many blocks, each of the same arguments; InputError where there would be none."""
    if depth < 1:
        raise InputError(f'depth is the number of blocks, 1 or more, got {depth}')
    return nn.ModuleList(Block(*args) for _ in range(depth))


def token(channels: int) -> nn.Parameter:
    """A learnt row (channels,)."""
    return nn.Parameter(nn.init.trunc_normal_(torch.empty(channels), std=INIT_STD))
