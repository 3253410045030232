"""Block masks hide an exact share of whole blocks; matches are exact joins on raw indices."""

import pytest
import torch

from dos_mm3d.functional import block_size_cells, draw_visible_cells, find_rows, match_cells
from dos_mm3d.functional.grid import point_cells


def all_cells(depth: int, height: int, width: int) -> torch.Tensor:
    return torch.cartesian_prod(torch.arange(depth), torch.arange(height), torch.arange(width))


@pytest.mark.parametrize('ratio', [0.3, 0.6, 0.7])
def test_mask_hides_an_exact_share_of_whole_blocks(ratio):
    cells = all_cells(4, 20, 30)
    block_cells = (2, 5, 5)
    visible = draw_visible_cells(
        cells, block_cells=block_cells, mask_ratio=ratio, generator=torch.Generator().manual_seed(0)
    )
    blocks = {tuple(b.tolist()) for b in cells // torch.tensor(block_cells)}
    seen = {tuple(b.tolist()) for b in cells[visible] // torch.tensor(block_cells)}
    hidden = {tuple(b.tolist()) for b in cells[~visible] // torch.tensor(block_cells)}
    assert not seen & hidden, 'a block is split'
    assert len(hidden) == round(ratio * len(blocks))


def test_mask_counts_occupied_blocks_only_and_follows_its_generator():
    cells = all_cells(1, 40, 40)[::7]
    draws = [
        draw_visible_cells(cells, block_cells=(1, 4, 4), mask_ratio=0.5, generator=torch.Generator().manual_seed(seed))
        for seed in (1, 1, 2)
    ]
    assert torch.equal(draws[0], draws[1])
    assert not torch.equal(draws[0], draws[2])


@pytest.mark.parametrize('ratio', [0.0, 1.0, -0.1])
def test_mask_ratio_outside_0_1_is_refused(ratio):
    with pytest.raises(ValueError, match='mask_ratio'):
        draw_visible_cells(
            torch.zeros(1, 3), block_cells=(1, 1, 1), mask_ratio=ratio, generator=torch.Generator().manual_seed(0)
        )


def test_block_size_is_the_nearest_whole_number_of_cells():
    assert block_size_cells(1.0, (0.4, 0.2, 0.2)) == (2, 5, 5)
    assert block_size_cells(0.05, (0.4, 0.2, 0.2)) == (1, 1, 1)
    with pytest.raises(ValueError, match='block_size_m'):
        block_size_cells(0, (1, 1, 1))


def brute_force_match(origin_a, cell_a, origin_b, cell_b, num_cells_a):
    partner = dict(zip(origin_b.tolist(), cell_b.tolist(), strict=True))
    match = []
    for cell in range(num_cells_a):
        votes = [
            partner[o] for o, c in zip(origin_a.tolist(), cell_a.tolist(), strict=True) if c == cell and o in partner
        ]
        match.append(min(set(votes), key=lambda row: (-votes.count(row), row)) if votes else -1)
    return torch.tensor(match)


def test_match_is_the_cell_that_shares_most_raw_points():
    generator = torch.Generator().manual_seed(3)
    origin_a = torch.randperm(500, generator=generator)[:300]
    origin_b = torch.randperm(500, generator=generator)[:280]
    cell_a = torch.randint(40, (300,), generator=generator)
    cell_b = torch.randint(30, (280,), generator=generator)
    match = match_cells(origin_a, cell_a, origin_b, cell_b, 42)
    assert torch.equal(match, brute_force_match(origin_a, cell_a, origin_b, cell_b, 42))
    assert (match[40:] == -1).all()


def test_match_of_a_view_with_itself_is_the_identity():
    cells = torch.randint(25, (400,), generator=torch.Generator().manual_seed(4))
    rows = cells.unique(return_inverse=True)[1]
    origin = torch.arange(400)
    assert torch.equal(match_cells(origin, rows, origin, rows, int(rows.max()) + 1), torch.arange(int(rows.max()) + 1))


def test_views_without_common_points_do_not_match():
    match = match_cells(torch.tensor([0, 1]), torch.tensor([0, 1]), torch.tensor([2]), torch.tensor([0]), 2)
    assert match.tolist() == [-1, -1]


def test_find_rows_joins_coordinates():
    sites = torch.tensor([[0, 1, 2, 3], [1, 0, 0, 0], [0, 0, 0, 5]])
    query = torch.tensor([[1, 0, 0, 0], [0, 0, 0, 5], [0, 0, 0, 4], [0, 1, 2, 3]])
    assert find_rows(query, sites, [2, 3, 6]).tolist() == [1, 2, -1, 0]
    assert find_rows(query, sites[:0], [2, 3, 6]).tolist() == [-1] * 4


def test_a_cell_outside_of_the_grid_is_no_site():
    """Its number may be that of another cell."""
    sites = torch.tensor([[0, 1, 2, 3], [0, 0, 0, 5], [1, 0, 0, 0]], dtype=torch.int32)
    outside = torch.tensor([[0, 1, 1, 9], [0, 0, 1, -1], [0, 2, 0, 0], [1, 0, -1, 6], [0, 1, 2, 3]])
    assert find_rows(outside, sites, [2, 3, 6]).tolist() == [-1, -1, -1, -1, 0]


def test_a_stride_two_cell_is_exactly_half_the_voxel_index():
    """Also where x / 0.1 rounds: otherwise an occupied loss voxel would have no parent in the encoder."""
    xyz = torch.rand(200_000, 3, generator=torch.Generator().manual_seed(5)) * 102.4 - 51.2
    xyz[:2048] = torch.linspace(-51.2, 51.2, 2048)[:, None]
    xyz[2048:4096] = (torch.arange(2048) * 0.1 - 51.2)[:, None]
    low = [-51.2, -51.2, -5.0]
    fine = point_cells(xyz, low, [0.1, 0.1, 0.2])
    coarse = point_cells(xyz, low, [0.2, 0.2, 0.4])
    assert torch.equal(fine // 2, coarse)
