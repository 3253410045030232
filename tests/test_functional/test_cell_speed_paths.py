"""The fast forms of the data path give, bit for bit, what the plain torch expressions give that they stand for."""

import pytest
import torch

from dos_mm3d.cpu.cell_keys import sorted_unique
from dos_mm3d.functional import draw_visible_cells, match_cells
from dos_mm3d.functional.augment import nearest_points, squared_distances
from dos_mm3d.structures import Grid

SPAN = [-51.2, -40.0, -5.0, 51.2, 51.2, 3.0]  # no cube, and not symmetric: an axis taken for another shows


def generator(seed: int) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def cloud(count: int, seed: int = 0, columns: int = 5) -> torch.Tensor:
    """Points in and around SPAN, a tenth of them on the cell boundaries of a 0.1 m grid."""
    points = torch.rand(count, columns, generator=generator(seed)) * 120 - 60
    points[:, 2] /= 10
    points[: count // 10, :3] = (points[: count // 10, :3] * 10).round() / 10
    return points


@pytest.mark.parametrize('bits', [1, 7, 12, 13, 23, 25, 40, 62])
def test_sorted_unique_is_torch_unique(bits):
    keys = torch.randint(2**bits, (3000,), generator=generator(bits))
    keys[::3] = keys[0]
    for some in (keys, keys[:1], keys[:0], keys[::2], keys.sort(descending=True).values, torch.zeros(5).long()):
        wanted = torch.unique(some, return_inverse=True)
        found = sorted_unique(some)
        assert all(torch.equal(x, y) for x, y in zip(found, wanted, strict=True))
        assert [x.dtype for x in found] == [torch.int64] * 2


def test_negative_keys_are_refused():
    with pytest.raises(ValueError, match='must not be negative, got -3'):
        sorted_unique(torch.tensor([4, -3]))


@pytest.mark.parametrize(
    ('voxel_size', 'stride'), [([0.1, 0.1, 0.2], 2), ([0.05, 0.05, 0.05], 1), ([0.3, 0.2, 0.7], 3)]
)
def test_occupied_loss_voxels_are_those_of_mmcvs_arithmetic(voxel_size, stride):
    grid = Grid(SPAN, voxel_size, stride)
    points = cloud(20_000)
    points[-3:, :3] = torch.tensor([[float('nan'), 0, 0], [float('inf'), 0, 0], [0, 0, -float('inf')]])
    inside, cells, row = grid.occupied(points)
    voxels, wanted_inside = grid.voxels(points[:, :3])
    wanted_inside[-3:] = False  # what an integer makes of NaN is the compiler's choice
    wanted_cells, wanted_row = torch.unique(grid.parents(voxels[wanted_inside]), dim=0, return_inverse=True)
    assert 1000 < inside.sum() < 19_000
    assert torch.equal(inside, wanted_inside)
    assert torch.equal(cells, wanted_cells.int())
    assert cells.dtype == torch.int32
    assert torch.equal(row, wanted_row)
    again, again_row = grid.unique(grid.parents(voxels[wanted_inside]))
    assert torch.equal(again, wanted_cells.int())
    assert torch.equal(again_row, wanted_row)


def test_no_point_in_range_is_no_loss_voxel():
    grid = Grid(SPAN, [0.1, 0.1, 0.2], 2)
    for points in (torch.full((7, 4), 1e3), torch.zeros(0, 4)):
        inside, cells, row = grid.occupied(points)
        assert not inside.any()
        assert (len(inside), cells.shape, row.shape) == (len(points), (0, 3), (0,))


def test_distances_round_as_those_of_the_plain_sum():
    points = cloud(50_000, columns=5)
    for centre in points[:5, :3]:
        plain = (points[:, :3] - centre).square().sum(1)
        assert torch.equal(squared_distances(points, centre), plain)
        for count in (1, 60, 30_000, 49_999):
            assert torch.equal(
                nearest_points(points, centre, count),
                plain.topk(count, largest=False, sorted=False).indices.sort().values,
            )


def test_of_points_equally_far_those_that_topk_takes_are_kept():
    points = cloud(3000, columns=4).round()  # a few thousand points, many of them the same distance away
    centre = points[5, :3]
    plain = (points[:, :3] - centre).square().sum(1)
    for count in range(100, 3000, 290):
        rows = nearest_points(points, centre, count)
        assert torch.equal(rows, plain.topk(count, largest=False, sorted=False).indices.sort().values)
    tied = [(plain <= plain.kthvalue(count).values).sum() > count for count in range(100, 3000, 290)]
    assert any(tied), 'no tie was tested'


@pytest.mark.parametrize('lowest', [0, -17])
def test_blocks_are_counted_in_the_order_of_their_coordinates(lowest):
    """The draw hides the blocks of a permutation of their numbers: another numbering hides others."""
    cells = torch.randint(lowest, 40, (4000, 3), generator=generator(1)).unique(dim=0)
    cells = cells[torch.randperm(len(cells), generator=generator(2))]
    blocks, block_of_cell = torch.unique(
        torch.div(cells, torch.tensor([2, 5, 3]), rounding_mode='floor'), dim=0, return_inverse=True
    )
    hidden = torch.zeros(len(blocks), dtype=torch.bool)
    hidden[torch.randperm(len(blocks), generator=generator(3))[: int(0.6 * len(blocks) + 0.5)]] = True
    visible = draw_visible_cells(cells.int(), block_cells=(2, 5, 3), mask_ratio=0.6, generator=generator(3))
    assert torch.equal(visible, ~hidden[block_of_cell])


def test_without_a_cell_there_is_nothing_to_hide():
    cells = torch.zeros(0, 3, dtype=torch.int32)
    assert draw_visible_cells(cells, block_cells=(1, 1, 1), mask_ratio=0.6, generator=generator(0)).shape == (0,)


def vote(origin_a, cell_a, origin_b, cell_b, num_cells_a):
    """The match from a table of votes, cell of a x cell of b."""
    table = torch.zeros(num_cells_a, int(cell_b.max()) + 1, dtype=torch.int64)
    for i, origin in enumerate(origin_a.tolist()):
        for j in (origin_b == origin).nonzero().squeeze(1).tolist():
            table[cell_a[i], cell_b[j]] += 1
    most, first = table.max(1).values, (table == table.max(1, keepdim=True).values).int().argmax(1)
    return torch.where(most > 0, first, -1)


@pytest.mark.parametrize('seed', range(6))
def test_matches_are_majorities_and_the_lowest_row_on_a_tie(seed):
    g = generator(seed)
    origins = [torch.randperm(400, generator=g)[: 200 + 30 * seed] for _ in range(2)]
    cells = [torch.randint(3 + 20 * seed, (len(origin),), generator=g) for origin in origins]
    sides = origins[0], cells[0], origins[1], cells[1]
    number = 5 + 20 * seed
    assert torch.equal(match_cells(*sides, number), vote(*sides, number))


@pytest.mark.parametrize(
    ('change', 'message'),
    [
        (dict(cell_a=torch.tensor([0, 3])), r'cell_a must lie in \[0, num_cells_a=2\), got 3'),
        (dict(origin_b=torch.tensor([0, -1])), 'origin_b must not be negative, got -1'),
        (dict(cell_b=torch.tensor([0])), '2 and 1 for view b'),
    ],
)
def test_rows_that_do_not_exist_are_refused(change, message):
    """The compiled loops check no bounds."""
    sides = {name: torch.tensor([0, 1]) for name in ('origin_a', 'cell_a', 'origin_b', 'cell_b')}
    with pytest.raises(ValueError, match=message):
        match_cells(**{**sides, **change}, num_cells_a=2)
