"""Which patches the student sees: inverse block-wise masking (docs/objects.md, "Masks")."""

import torch
from torch import Tensor

from .masking import check_mask_ratio


def block_sizes(num_patches: int, *, mask_ratio: float, block_ratio: float, adjust_ratio: float) -> tuple[int, int]:
    """Patches of a block, int(block_ratio P), at least 1, and number of blocks.

    The blocks overlap, so that they are to cover adjust_ratio more than stays visible:
    round(P (1 - mask_ratio + adjust_ratio) / size), at least 1.
    """
    check_mask_ratio(mask_ratio)
    size = max(int(block_ratio * num_patches), 1)
    return size, max(round(num_patches * (1 - mask_ratio + adjust_ratio) / size), 1)


def visible_blocks(centres: Tensor, draws: Tensor, *, size: int, count: int) -> Tensor:
    """Union of ``count`` blocks, each the ``size`` patches nearest to a drawn one, which it holds.

    Args:
        centres: (R, P, 3) of the patches.
        draws: (R, P) uniform; the patches with the smallest ``count`` are the blocks' middles.

    Returns:
        (R, P) bool, True where visible.
    """
    middle = draws.argsort(1)[:, :count]
    row = torch.arange(len(centres), device=centres.device)[:, None]
    distance = torch.cdist(centres[row, middle], centres, compute_mode='donot_use_mm_for_euclid_dist')
    members = distance.topk(size, dim=2, largest=False).indices.flatten(1)
    return torch.zeros(draws.shape, dtype=torch.bool, device=draws.device).scatter_(1, members, True)


def inverse_block_mask(
    centres: Tensor,
    block_draws: Tensor,
    flip_draws: Tensor,
    *,
    mask_ratio: float,
    block_ratio: float,
    adjust_ratio: float,
) -> Tensor:
    """What stays visible are a few compact blocks; exactly round(mask_ratio P) patches of each row are masked.

    Patches are flipped to reach that number, of the side alone that has too many: of too many masked ones those with
    the smallest ``flip_draws`` become visible, of too many visible ones those with the smallest become masked.

    Args:
        centres: (R, P, 3) of the patches, one row for each mask.
        block_draws: (R, P) uniform, for :func:`visible_blocks`.
        flip_draws: (R, P) uniform in [0, 1).

    Returns:
        (R, P) bool, True where masked.
    """
    num_patches = centres.shape[1]
    size, count = block_sizes(num_patches, mask_ratio=mask_ratio, block_ratio=block_ratio, adjust_ratio=adjust_ratio)
    visible = visible_blocks(centres, block_draws, size=size, count=count)
    score = torch.where(visible, -flip_draws, 1 + flip_draws)
    num_masked = round(mask_ratio * num_patches)
    masked = score.topk(num_masked, dim=1).indices
    return torch.zeros_like(visible).scatter_(1, masked, True)
