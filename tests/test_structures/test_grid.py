"""One grid: its voxels are mmcv's, its loss voxels whole numbers of them, its numbers the order of the coordinates."""

import pickle

import pytest
import torch
from mmcv.ops import Voxelization

from dos_mm3d.cpu.cell_keys import cell_keys, cells_of_keys
from dos_mm3d.structures import Grid

SPAN, SIZE = [-8.0, -6.0, -2.0, 8.0, 6.4, 2.0], [0.4, 0.2, 0.8]  # x, y and z differ: an axis taken for another shows


def points(count: int = 5000) -> torch.Tensor:
    """Points in and around SPAN, a fifth of them on borders of voxels."""
    xyz = torch.rand(count, 3, generator=torch.Generator().manual_seed(0)) * torch.tensor([20.0, 20, 6]) - 3
    xyz[::5] = (xyz[::5] / torch.tensor(SIZE)).round() * torch.tensor(SIZE)
    return xyz


def test_voxels_are_those_of_mmcv():
    xyz, grid = points(), Grid(SPAN, SIZE, 2)
    voxels, inside = grid.voxels(xyz)
    _, coors, counts = Voxelization(SIZE, SPAN, max_num_points=200, max_voxels=100_000)(xyz)
    assert counts.sum() == inside.sum() and 0 < inside.sum() < len(xyz)
    assert {tuple(c) for c in coors.tolist()} == {tuple(c) for c in voxels[inside].tolist()}
    assert grid.shape == [5, 62, 40]


def test_loss_voxels_are_whole_voxels_to_the_edge():
    grid = Grid(SPAN, SIZE, 3)
    assert grid.loss_voxel_size_m == pytest.approx((2.4, 0.6, 1.2))
    assert grid.parents(torch.tensor([[2, 3, 0], [4, 61, 39]])).tolist() == [[0, 1, 0], [1, 20, 13]]


@pytest.mark.parametrize('shape', [[3, 4, 5], [2, 7], [2, 3, 1, 4]])
def test_keys_number_the_cells_in_the_order_of_their_coordinates_and_lead_back(shape):
    cells = torch.cartesian_prod(*map(torch.arange, shape))
    keys = cell_keys(cells, shape)
    assert torch.equal(keys, torch.arange(len(cells)))
    assert torch.equal(cell_keys(cells, shape[1:]), keys), 'the first axis may be of any size'
    assert torch.equal(cells_of_keys(keys, shape), cells)


def test_a_grid_is_a_value_and_travels_to_workers():
    grid = Grid(SPAN, SIZE, 2)
    grid.occupied(points())
    assert pickle.loads(pickle.dumps(grid)) == grid == Grid(tuple(SPAN), tuple(SIZE), 2) != Grid(SPAN, SIZE, 1)
