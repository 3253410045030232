"""Small layers of Point Transformer V3 and its stem (docs/ptv3.md, "Blocks and patch attention", "Variants")."""

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
        out = conv(cloud.sparse(feat.to(conv.weight.dtype)))
    cloud.keep_neighbours(out)
    return out.features


class Stem(nn.Module):
    """Convolution 5^3 (m1) or linear layer (m2, m3), norm, GELU; masked rows then become the mask token.

    Args:
        variant: which of them.
        in_channels: width of the input features.
        channels: width of the result.
        mask_token: whether there is one; a cloud with a mask needs it.
    """

    def __init__(self, variant: str, in_channels: int, channels: int, *, mask_token: bool) -> None:
        super().__init__()
        self.convolves = variant == 'm1'
        self.stem = nn.Module()
        if self.convolves:
            self.stem.conv = SubMConv3d(in_channels, channels, kernel_size=5, bias=False, indice_key='stem')
        else:
            self.stem.linear = nn.Linear(in_channels, channels)
        self.stem.norm = norm_of(variant, channels)
        self.mask_token = nn.Parameter(torch.zeros(1, channels)) if mask_token else None

    def forward(self, cloud: Cloud) -> Cloud:
        feat = convolve(self.stem.conv, cloud, cloud.feat) if self.convolves else self.stem.linear(cloud.feat)
        return cloud.with_feat(self.put_masks(nn.functional.gelu(self.stem.norm(feat)), cloud.mask))

    def put_masks(self, feat: Tensor, mask: Tensor | None) -> Tensor:
        """(N, C) with the rows where mask (N,) is True replaced by the token."""
        if mask is None:
            return feat
        if self.mask_token is None:
            raise ValueError('the cloud has a mask, the network no mask token: build it with mask_token=True')
        return torch.where(mask[:, None], self.mask_token.to(feat.dtype), feat)
