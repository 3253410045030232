"""Small layers of Point Transformer V3 (docs/ptv3.md, "Blocks and patch attention")."""

import torch
from spconv.pytorch import SubMConv3d
from torch import Tensor, nn

from .cloud import Cloud
from .settings import BlockSettings


class Mlp(nn.Module):
    """Linear, GELU, dropout, Linear, dropout.

    Args:
        channels: width of the input and of the output.
        settings: of all blocks.
    """

    def __init__(self, channels: int, settings: BlockSettings) -> None:
        super().__init__()
        self.fc1 = nn.Linear(channels, channels * settings.mlp_ratio)
        self.fc2 = nn.Linear(channels * settings.mlp_ratio, channels)
        self.drop = nn.Dropout(settings.proj_drop)

    def forward(self, feat: Tensor) -> Tensor:
        return self.drop(self.fc2(self.drop(nn.functional.gelu(self.fc1(feat)))))


class LayerScale(nn.Module):
    """A factor per channel.

    Args:
        channels: how many.
        initial: all begin with it.
    """

    def __init__(self, channels: int, initial: float) -> None:
        super().__init__()
        self.gamma = nn.Parameter(torch.full((channels,), initial))

    def forward(self, feat: Tensor) -> Tensor:
        return feat * self.gamma


class PointDropPath(nn.Module):
    """Stochastic depth that drops a residual branch per point, not per sample; the kept ones are scaled up.

    Without gradients nothing is dropped: a pretraining's teacher, which stays in training mode for its BatchNorm, has
    no drop path.

    Args:
        rate: share of the points that are left out.
    """

    def __init__(self, rate: float) -> None:
        super().__init__()
        self.rate = rate

    def forward(self, feat: Tensor) -> Tensor:
        if not self.training or self.rate == 0 or not torch.is_grad_enabled():
            return feat
        keep = 1 - self.rate
        return feat * (feat.new_empty(len(feat), 1).bernoulli_(keep) / keep)


def batch_norm(channels: int) -> nn.BatchNorm1d:
    """BatchNorm with the constants of the public models."""
    return nn.BatchNorm1d(channels, eps=1e-3, momentum=0.01)


def norm_of(variant: str, channels: int) -> nn.Module:
    """The norm of stems, poolings and unpoolings: BatchNorm in m1, LayerNorm in m2 and m3."""
    return batch_norm(channels) if variant == 'm1' else nn.LayerNorm(channels)


def convolve(conv: SubMConv3d, cloud: Cloud, feat: Tensor) -> Tensor:
    """Submanifold convolution of (N, C) features at the cloud's places, in the kernel's precision under autocast too:
    spconv's CPU path has no half precision, its GPU path no bfloat16."""
    with torch.autocast(feat.device.type, enabled=False):
        return conv(cloud.sparse(feat.to(conv.weight.dtype))).features
