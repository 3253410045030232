"""Features to logits over latent categories, and the teacher's targets."""

from itertools import pairwise

import torch
from mmdet3d.registry import MODELS
from torch import Tensor, nn
from torch.nn import functional as F

from ...errors import InputError
from ...functional.ema import check_momentum
from ...functional.schedules import linear_warmup
from ...functional.self_distillation import UNIT_EPS, category_logits, moved_centre, target_distribution
from ...functional.sinkhorn import at_least_float32


@MODELS.register_module()
class CategoryHead(nn.Module):
    """MLP of three layers with GELU, length 1, weight-normalised linear layer (DINO's head, with gain and bias).

    Args:
        in_channels: width of the features.
        hidden_channels: of the two inner layers.
        bottleneck_channels: width of the unit vector.
        num_categories: Z.
    """

    def __init__(
        self,
        in_channels: int,
        hidden_channels: int = 1024,
        bottleneck_channels: int = 256,
        num_categories: int = 4096,
    ) -> None:
        super().__init__()
        if min(hidden_channels, bottleneck_channels) < 1 or num_categories < 2:
            raise InputError(
                f'a head needs channels of 1 or more and 2 categories or more, got {hidden_channels}, '
                f'{bottleneck_channels} and {num_categories}'
            )
        widths = (in_channels, hidden_channels, hidden_channels, bottleneck_channels)
        layers = [nn.Linear(*pair) for pair in pairwise(widths)]
        self.mlp = nn.Sequential(layers[0], nn.GELU(), layers[1], nn.GELU(), layers[2])
        for layer in layers:
            nn.init.trunc_normal_(layer.weight, std=0.02)
            nn.init.zeros_(layer.bias)
        # torch's own start of a linear layer; the gain begins as the length of its rows
        direction = nn.Linear(bottleneck_channels, num_categories, bias=False).weight.detach()
        self.direction = nn.Parameter(direction)
        self.gain = nn.Parameter(torch.linalg.vector_norm(direction, dim=1, keepdim=True))
        self.bias = nn.Parameter(torch.zeros(num_categories))

    def bottleneck(self, features: Tensor) -> Tensor:
        """(..., in_channels) -> (..., bottleneck_channels) of length 1."""
        return F.normalize(at_least_float32(self.mlp(features)), dim=-1, eps=UNIT_EPS)

    def forward(self, features: Tensor) -> Tensor:
        """(..., in_channels) -> (..., Z)."""
        return category_logits(self.bottleneck(features), self.direction, self.gain, self.bias)


@MODELS.register_module()
class CentredTargets(nn.Module):
    """The teacher's distributions: logits less their running centre, sharpened.

    Args:
        num_categories: Z.
        temperature: tau_T at the start and after the warm-up, linear in between.
        warmup_share: share of the run that the warm-up takes.
        centre_momentum: share of the centre that stays at a teacher pass.
    """

    def __init__(
        self,
        num_categories: int,
        temperature: tuple[float, float],
        warmup_share: float = 1 / 30,
        centre_momentum: float = 0.9,
    ) -> None:
        super().__init__()
        check_momentum(centre_momentum)
        if not min(temperature) > 0:
            raise InputError(f'temperatures of the teacher divide logits and must be more than 0, got {temperature}')
        if not 0 <= warmup_share <= 1:
            raise InputError(f'warmup_share is a share of the run, from 0 to 1, got {warmup_share}')
        self.temperature_range = tuple(temperature)
        self.temperature = self.temperature_range[0]
        self.warmup_share = warmup_share
        self.centre_momentum = centre_momentum
        self.register_buffer('centre', torch.zeros(num_categories))

    def set_step(self, step: int, total_steps: int) -> None:
        """The temperature as a function of the step alone."""
        self.temperature = linear_warmup(step, round(self.warmup_share * total_steps), *self.temperature_range)

    def forward(self, logits: Tensor) -> Tensor:
        """(..., Z) -> distributions (..., Z) without gradient, by the centre as it is."""
        return target_distribution(logits, self.centre, temperature=self.temperature)

    def move_centre(self, logits: Tensor, process_group=None) -> None:
        """Once for each pass of the teacher, after its use."""
        moved = moved_centre(self.centre, logits, momentum=self.centre_momentum, process_group=process_group)
        self.centre.copy_(moved)
