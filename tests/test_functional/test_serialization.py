"""Space-filling curves against tables of the reference code and their own geometry."""

import itertools

import pytest
import torch
from torch.testing import assert_close

from dos_mm3d.functional.serialization import (
    CURVES,
    Serialization,
    serialization_depth,
    serialize,
    spatial_codes,
    with_batch,
)
from tests.helpers.count_ops import CountOps
from tests.helpers.curve_oracle import oracle_code

GRID = torch.tensor(
    [
        [0, 0, 0],
        [1, 0, 0],
        [0, 1, 0],
        [0, 0, 1],
        [3, 5, 7],
        [15, 0, 0],
        [0, 15, 0],
        [0, 0, 15],
        [15, 15, 15],
        [6, 9, 12],
        [8, 7, 2],
    ]
)
DEPTH_4 = {
    'z': [0, 4, 2, 1, 239, 2340, 1170, 585, 4095, 1890, 2202],
    'z-trans': [0, 2, 4, 1, 351, 1170, 2340, 585, 4095, 2772, 1324],
    'hilbert': [0, 7, 3, 1, 391, 4095, 1901, 585, 2925, 1469, 3925],
    'hilbert-trans': [0, 3, 7, 1, 305, 1901, 4095, 585, 2925, 3231, 2017],
}
DEPTH_5 = {
    'hilbert': [0, 3, 1, 7, 293, 1901, 585, 4095, 2925, 3085, 1607],
    'hilbert-trans': [0, 1, 3, 7, 165, 585, 1901, 4095, 2925, 2493, 1015],
}


def spatial_code(grid: torch.Tensor, order: str, depth: int) -> torch.Tensor:
    return spatial_codes(grid, [order], depth)[0]


def cube(depth: int) -> torch.Tensor:
    return torch.tensor(list(itertools.product(range(2**depth), repeat=3)))


@pytest.mark.parametrize(
    ('order', 'depth', 'codes'), [(o, 4, c) for o, c in DEPTH_4.items()] + [(o, 5, c) for o, c in DEPTH_5.items()]
)
def test_codes_are_those_of_the_reference(order, depth, codes):
    assert spatial_code(GRID, order, depth).tolist() == codes


def test_codes_at_the_largest_depth():
    grid = torch.tensor([[1000, 517, 33], [40000, 65535, 1]])
    assert spatial_code(grid, 'z', 16).tolist() == [882018435, 221472443933843]
    assert spatial_code(grid, 'hilbert', 16).tolist() == [556076900, 156837939436396]


@pytest.mark.parametrize('depth', range(1, 17))
def test_codes_are_those_of_the_oracle(depth):
    """Random cells, the corners of the grid and their neighbours; the order of the curves is free."""
    top = 2**depth - 1
    corners = torch.tensor(list(itertools.product((0, min(1, top), top // 2, max(top - 1, 0), top), repeat=3)))
    drawn = torch.randint(0, top + 1, (1000, 3), generator=torch.Generator().manual_seed(depth))
    grid, orders = torch.cat((corners, drawn)).int(), list(reversed(CURVES))
    wanted = torch.stack([oracle_code(grid, order, depth) for order in orders])
    assert torch.equal(spatial_codes(grid, orders, depth), wanted)


def test_all_curves_take_a_handful_of_ops():
    grid = torch.tensor([[40000, 65534, 1]])
    spatial_codes(grid, CURVES, 16)  # makes the tables
    with CountOps() as count:
        spatial_codes(grid, CURVES, 16)
    assert count.total() <= 32


def test_sample_index_stands_above_the_code():
    grid, batch = torch.tensor([[3, 5, 7], [15, 0, 0]]), torch.tensor([1, 2], dtype=torch.int8)
    assert with_batch(spatial_code(grid, 'z', 4), batch, 4, 3).tolist() == [4335, 10532]
    assert with_batch(spatial_code(grid, 'hilbert', 4), batch, 4, 3).tolist() == [4487, 12287]


def test_hilbert_visits_neighbours_one_after_the_other():
    """Every voxel once, each step one voxel along one axis: what makes it a Hilbert curve and z-order not one."""
    for depth in (1, 2, 3):
        grid = cube(depth)
        code = spatial_code(grid, 'hilbert', depth)
        assert code.sort().values.tolist() == list(range(8**depth))
        path = grid[code.argsort()]
        assert (path.diff(dim=0).abs().sum(1) == 1).all()
    assert [''.join(map(str, cell)) for cell in cube(1)[spatial_code(cube(1), 'hilbert', 1).argsort()].tolist()] == [
        '000', '001', '011', '010', '110', '111', '101', '100'
    ]  # fmt: skip


@pytest.mark.parametrize('order', CURVES)
def test_a_coarser_grid_cuts_the_last_digit(order):
    """code(g, d) >> 3 = code(g >> 1, d - 1), on which pooling along the curve rests."""
    grid = torch.randint(0, 2**11, (500, 3), generator=torch.Generator().manual_seed(0))
    assert torch.equal(spatial_code(grid, order, 11) >> 3, spatial_code(grid >> 1, order, 10))


@pytest.mark.parametrize('order', ['z', 'hilbert'])
def test_trans_swaps_x_and_y(order):
    grid = cube(3)
    assert torch.equal(spatial_code(grid, f'{order}-trans', 3), spatial_code(grid[:, [1, 0, 2]], order, 3))


def test_depth_of_the_largest_coordinate():
    wanted = {1: 2, 3: 3, 6: 3, 7: 4, 8: 4, 15: 5, 16: 5, 30: 5}
    assert {top: serialization_depth(0, top) for top in wanted} == wanted


def test_order_and_inverse_undo_each_other_and_keep_samples_apart():
    generator = torch.Generator().manual_seed(1)
    batch = torch.arange(3).repeat_interleave(torch.tensor([50, 0, 70])[[0, 2, 1]])
    grid = torch.randint(0, 40, (len(batch), 3), generator=generator)
    curves = serialize(grid, batch, list(CURVES), shuffle=False)
    rows = torch.arange(len(batch))
    for curve, code in enumerate(curves.code):
        order, inverse = curves.sorted_by(curve)
        assert torch.equal(order[inverse], rows)
        assert (code[order].diff() >= 0).all()
        assert torch.equal(batch[order], batch)


def test_shuffling_permutes_whole_curves():
    grid, batch = cube(2), torch.zeros(64, dtype=torch.long)
    plain = serialize(grid, batch, list(CURVES), shuffle=False)
    torch.manual_seed(0)
    drawn = [serialize(grid, batch, list(CURVES), shuffle=True) for _ in range(20)]
    rows = {tuple(row.tolist()): i for i, row in enumerate(plain.code)}
    permutations = [tuple(rows[tuple(row.tolist())] for row in curves.code) for curves in drawn]
    assert all(sorted(permutation) == [0, 1, 2, 3] for permutation in permutations)
    assert len(set(permutations)) > 5
    for permutation, curves in zip(permutations, drawn):
        for place, curve in enumerate(permutation):
            assert_close(curves.sorted_by(place), plain.sorted_by(curve), atol=0, rtol=0)


def test_duplicates_keep_their_order():
    curves = Serialization.from_codes(torch.tensor([[5, 1, 5, 1, 1]]), 1, shuffle=False)
    order, inverse = curves.sorted_by(0)
    assert (order.tolist(), inverse.tolist()) == ([1, 3, 4, 0, 2], [3, 0, 4, 1, 2])


@pytest.mark.parametrize(
    ('grid', 'batch', 'message'),
    [
        ([[-1, 0, 0]], [0], 'from -1 to 0'),
        ([[2**16 - 1, 0, 0]], [0], 'wanted 0 to 65534'),
        ([[2**16 - 2, 0, 0]], [2**15], '63'),
    ],
)
def test_what_does_not_fit_a_code_is_refused(grid, batch, message):
    with pytest.raises(ValueError, match=message):
        serialize(torch.tensor(grid), torch.tensor(batch), ['z'], shuffle=False)


def test_an_unknown_order_is_refused():
    with pytest.raises(ValueError, match='peano'):
        serialize(torch.tensor([[0, 0, 0]]), torch.tensor([0]), ['peano'], shuffle=False)
