"""Learned relative position bias (docs/ptv3.md, "Blocks and patch attention")."""

import torch
from torch import Tensor, nn


class RelativePositionTable(nn.Module):
    """A bias per head and axis for each difference of grid coordinates between -b and b, larger ones clamped.

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
