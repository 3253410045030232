"""Projection head: backbone features to unit vectors."""

import torch.nn.functional as F
from mmdet3d.registry import MODELS
from torch import Tensor, nn


@MODELS.register_module()
class Projector(nn.Sequential):
    """(M, in_channels) -> (M, out_channels) of length 1: linear, GELU, linear, L2 norm.

    docs/method.md, A14.

    Args:
        in_channels: width of the backbone's features.
        hidden_channels: width between the two layers.
        out_channels: width D of the projected features.
    """

    def __init__(self, in_channels: int, hidden_channels: int, out_channels: int) -> None:
        super().__init__(nn.Linear(in_channels, hidden_channels), nn.GELU(), nn.Linear(hidden_channels, out_channels))

    def forward(self, features: Tensor) -> Tensor:
        # float32: the norm of a half-precision vector loses the digits that a temperature of 0.05 multiplies
        return F.normalize(super().forward(features).float(), dim=1)
