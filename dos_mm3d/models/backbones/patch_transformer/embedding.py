"""Patches of points to tokens, and centres to positions."""

from collections.abc import Sequence
from itertools import pairwise

import torch
from mmdet3d.registry import MODELS
from torch import Tensor, nn

from .layers import RMSNorm, init_linear

POSITION_HIDDEN = 128


class PositionEmbedding(nn.Sequential):
    """Centres (..., 3) -> (..., channels): linear, GELU, linear.

    Args:
        channels: width of the tokens.
    """

    def __init__(self, channels: int) -> None:
        super().__init__(nn.Linear(3, POSITION_HIDDEN), nn.GELU(), nn.Linear(POSITION_HIDDEN, channels))
        init_linear(self)


class PointwiseThenMax(nn.Module):
    """Mini-PointNet in two stages: an MLP on each point, beside it the maximum over the patch, another MLP, the
    maximum.

    Args:
        first: MLP 3 -> width of the maximum.
        second: MLP twice that -> channels.
    """

    def __init__(self, first: nn.Module, second: nn.Module) -> None:
        super().__init__()
        self.first, self.second = first, second
        init_linear(self)

    def forward(self, patches: Tensor) -> Tensor:
        """Points relative to the centre (R, P, K, 3) -> (R, P, channels)."""
        points = self.first(patches)
        whole = points.amax(2, keepdim=True).expand_as(points)
        return self.second(torch.cat((points, whole), dim=-1)).amax(2)


@MODELS.register_module()
class PatchEmbedding(PointwiseThenMax):
    """The small one: 3 -> h0 -> h1, max, 2 h1 -> h2 -> channels; RMSNorm and GELU between, no biases.

    Args:
        channels: width of the tokens.
        hidden_channels: h0, h1, h2.
    """

    def __init__(self, channels: int, hidden_channels: tuple[int, int, int] = (128, 256, 512)) -> None:
        first, middle, second = hidden_channels
        super().__init__(
            pointwise((3, first, middle), bias=False), pointwise((2 * middle, second, channels), bias=False)
        )


@MODELS.register_module()
class DeepPatchEmbedding(PointwiseThenMax):
    """The large one: MLPs of any depth, RMSNorm and GELU between their layers, which have biases.

    Args:
        channels: width of the tokens.
        first_channels: widths of the MLP before the first maximum.
        second_channels: widths between that and ``channels``.
    """

    def __init__(
        self,
        channels: int,
        first_channels: Sequence[int] = (256, 512, 1024),
        second_channels: Sequence[int] = (2048,),
    ) -> None:
        super().__init__(
            pointwise((3, *first_channels), bias=True),
            pointwise((2 * first_channels[-1], *second_channels, channels), bias=True),
        )


def pointwise(widths: Sequence[int], *, bias: bool) -> nn.Sequential:
    """Linear layers of these widths with RMSNorm and GELU between them."""
    layers: list[nn.Module] = []
    for fan_in, fan_out in pairwise(widths):
        layers += [RMSNorm(fan_in), nn.GELU()] if layers else []
        layers.append(nn.Linear(fan_in, fan_out, bias=bias))
    return nn.Sequential(*layers)
