"""Inverse block masks: counts, compactness, a slow oracle."""

import pytest
import torch

from dos_mm3d.functional.patch_masking import block_sizes, inverse_block_mask, visible_blocks

PAPER = dict(mask_ratio=0.7, block_ratio=0.1, adjust_ratio=0.1)


@pytest.fixture
def draws() -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    generator = torch.Generator().manual_seed(0)
    return torch.randn(40, 64, 3, generator=generator), *torch.rand(2, 40, 64, generator=generator)


@pytest.mark.parametrize(
    ('num_patches', 'mask_ratio', 'expected'),
    [(64, 0.7, (6, 4)), (64, 0.8, (6, 3)), (128, 0.7, (12, 4)), (5, 0.7, (1, 2))],
)
def test_sizes(num_patches, mask_ratio, expected):
    assert block_sizes(num_patches, **{**PAPER, 'mask_ratio': mask_ratio}) == expected


def test_a_mask_of_everything_or_nothing_is_refused():
    for ratio in (0.0, 1.0):
        with pytest.raises(ValueError, match='mask_ratio'):
            block_sizes(64, mask_ratio=ratio, block_ratio=0.1, adjust_ratio=0.1)


def test_blocks_are_unions_of_nearest_patches(draws):
    centres, block_draws, _ = draws
    visible = visible_blocks(centres, block_draws, size=6, count=4)
    for row in range(len(centres)):
        middles = block_draws[row].argsort()[:4].tolist()
        distance = torch.cdist(centres[row].double(), centres[row].double())
        expected = {int(patch) for middle in middles for patch in distance[middle].argsort()[:6]}
        assert set(visible[row].nonzero().flatten().tolist()) == expected and set(middles) <= expected


def test_exactly_the_share_is_masked_and_only_one_side_is_flipped(draws):
    centres, block_draws, flip_draws = draws
    visible = visible_blocks(centres, block_draws, size=6, count=4)
    mask = inverse_block_mask(centres, block_draws, flip_draws, **PAPER)
    assert (mask.sum(1) == 45).all()
    for row in range(len(mask)):
        hidden, shown = visible[row] & mask[row], ~visible[row] & ~mask[row]
        assert not (hidden.any() and shown.any())
        # of the side that had too many, those with the smallest draws were flipped
        kept = visible[row] & ~mask[row] if hidden.any() else ~visible[row] & mask[row]
        flipped = hidden | shown
        if flipped.any():
            assert flip_draws[row][flipped].max() < flip_draws[row][kept].min()
    assert (visible.sum(1) > 19).any() and (visible.sum(1) < 19).any(), 'both sides are flipped somewhere'


def test_the_order_of_rows_and_patches_is_irrelevant(draws):
    order = torch.randperm(64, generator=torch.Generator().manual_seed(1))
    mask = inverse_block_mask(*draws, **PAPER)
    assert torch.equal(inverse_block_mask(*(x[:, order] for x in draws), **PAPER), mask[:, order])
    assert torch.equal(inverse_block_mask(*(x[7:8] for x in draws), **PAPER), mask[7:8])
