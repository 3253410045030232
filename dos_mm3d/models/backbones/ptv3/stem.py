"""The embedding of the input features (docs/ptv3.md, "Variants")."""

import torch
from spconv.pytorch import SubMConv3d
from torch import Tensor, nn

from .cloud import Cloud
from .layers import convolve, norm_of


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
