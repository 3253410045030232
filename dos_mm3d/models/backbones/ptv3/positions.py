"""How attention learns of positions (docs/ptv3.md, "Blocks and patch attention")."""

import math
import warnings
from typing import Any

import torch
from torch import Tensor, nn

from ....errors import InputError
from .settings import RopeSettings

N_AXES = 3


class Rope(nn.Module):
    """Rotary positions of variant m3: turns pairs of channels of q and k by angles proportional to x, y, z in metres.

    A head is split in three equal chunks, one per axis; in a chunk of D channels channel j < D/2 is paired with
    j + D/2. While training, the coordinates are shifted and scaled at random, anew in every call.

    Args:
        head_dim: channels of a head, a multiple of 6.
        settings: frequencies, and what training draws.
    """

    inv_freq: Tensor

    def __init__(self, head_dim: int, settings: RopeSettings) -> None:
        super().__init__()
        if head_dim % (2 * N_AXES):
            raise InputError(f'rotary positions need a head width that is a multiple of {2 * N_AXES}, got {head_dim}')
        self.settings = settings
        half = head_dim // (2 * N_AXES)
        # of the public checkpoints' state, hence persistent
        self.register_buffer('inv_freq', settings.base ** (-torch.arange(half) / half))

    def _load_from_state_dict(self, state_dict: dict[str, Tensor], prefix: str, *rest: Any) -> None:
        """As in the base class: weights are of use with the frequencies that they were learnt with only, so those of
        the file hold; a warning where the config's base gives others."""
        own = self.inv_freq.clone()
        super()._load_from_state_dict(state_dict, prefix, *rest)
        if not torch.allclose(own, self.inv_freq, rtol=1e-2, atol=0):
            warnings.warn(
                f'{prefix}inv_freq: the frequencies of the weights hold, {_listed(self.inv_freq)}; '
                f'those of block.rope.base={self.settings.base:g} would be {_listed(own)}',
                stacklevel=2,
            )

    def forward(self, q: Tensor, k: Tensor, coord: Tensor) -> tuple[Tensor, Tensor]:
        """q, k (N, H, head_dim), coord (N, 3) metres -> the same, turned."""
        angle = (self.augment(coord)[:, :, None] * self.inv_freq)[:, None]  # (N, 1, 3, D / 2)
        cos, sin = angle.cos(), angle.sin()
        return rotate(q, cos, sin), rotate(k, cos, sin)

    def augment(self, coord: Tensor) -> Tensor:
        """Random shift, factor per axis and common factor, in this order; the coordinates themselves in eval mode."""
        if not self.training:
            return coord
        settings = self.settings
        if settings.shift_m is not None:
            coord = coord + uniform(N_AXES, settings.shift_m, coord)
        for n_factors, largest in ((N_AXES, settings.jitter), (1, settings.rescale)):
            if largest is not None:
                coord = coord * uniform(n_factors, math.log(largest), coord).exp()
        return coord


def _listed(frequencies: Tensor) -> str:
    return ' '.join(f'{one:.3g}' for one in frequencies.tolist())


def uniform(count: int, bound: float, like: Tensor) -> Tensor:
    """(count,) numbers of U(-bound, bound), of the dtype and on the device of ``like``."""
    return torch.empty(count, dtype=like.dtype, device=like.device).uniform_(-bound, bound)


def rotate(x: Tensor, cos: Tensor, sin: Tensor) -> Tensor:
    """Turn the halves (a, b) of each axis to (a cos - b sin, b cos + a sin); x (N, H, d), cos (N, 1, 3, d / 6)."""
    a, b = x.reshape(*x.shape[:2], N_AXES, -1).chunk(2, dim=-1)
    return torch.cat((a * cos - b * sin, b * cos + a * sin), dim=-1).reshape(x.shape).to(x.dtype)


class RelativePositionTable(nn.Module):
    """Learned bias per head and axis for each difference of grid coordinates between -b and b, larger ones clamped.

    b = int((4 K)^(1/3) * 2) in floating point, K the patch size.

    Args:
        patch_size: K.
        heads: how many.
    """

    def __init__(self, patch_size: int, heads: int) -> None:
        super().__init__()
        self.bound = int((4 * patch_size) ** (1 / 3) * 2)
        self.rpe_table = nn.Parameter(torch.empty(3 * (2 * self.bound + 1), heads))
        nn.init.trunc_normal_(self.rpe_table, std=0.02)

    def forward(self, grid_coord: Tensor) -> Tensor:
        """grid_coord (P, L, 3) of P sequences -> (P, H, L, L), to be added to the logits [query, key]."""
        difference = grid_coord[:, :, None] - grid_coord[:, None, :]
        first_row = torch.arange(3, device=grid_coord.device) * (2 * self.bound + 1) + self.bound
        rows = difference.clamp(-self.bound, self.bound) + first_row  # (P, L, L, 3)
        bias = self.rpe_table.index_select(0, rows.reshape(-1))
        return bias.view(*rows.shape, -1).sum(3).permute(0, 3, 1, 2)
