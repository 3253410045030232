"""Elastic distortion: smooth, as large as it says, and nothing where it is nothing."""

import torch
from torch import Generator
from torch.testing import assert_close

from dos_mm3d.functional.augment import elastic_displacement


def lattice(side: int, step_m: float) -> torch.Tensor:
    axis = torch.arange(side, dtype=torch.float64) * step_m
    return torch.stack(torch.meshgrid(axis, axis, axis, indexing='ij'), -1).reshape(-1, 3)


def test_moves_at_the_nodes_have_the_deviation_of_twice_blurred_noise():
    """A box of 3 twice is [1, 2, 3, 2, 1] / 9 along each axis; the outermost nodes see zeros beyond the edge."""
    side, step = 24, 0.2
    moves = elastic_displacement(lattice(side, step), step, 0.4, Generator().manual_seed(0))
    inner = moves.reshape(side, side, side, 3)[2:-2, 2:-2, 2:-2]
    expected = 0.4 * (19 / 81) ** 1.5
    assert abs(float(inner.std()) / expected - 1) < 0.1
    assert abs(float(inner.mean())) < 0.2 * expected
    assert torch.corrcoef(inner.reshape(-1, 3).T).fill_diagonal_(0).abs().max() < 0.2, 'x, y, z move by themselves'


def test_between_the_nodes_moves_are_interpolated():
    step = 0.5
    nodes = lattice(5, step)
    middles = nodes[(nodes < 4 * step - 1e-9).all(1)] + step / 2
    moves = elastic_displacement(torch.cat((nodes, middles)), step, 1.0, Generator().manual_seed(0))
    at_nodes, between = moves[: len(nodes)].reshape(5, 5, 5, 3), moves[len(nodes) :].reshape(4, 4, 4, 3)
    corners = [at_nodes[i : i + 4, j : j + 4, k : k + 4] for i in (0, 1) for j in (0, 1) for k in (0, 1)]
    assert_close(between, torch.stack(corners).mean(0))


def test_close_points_move_together_and_the_place_of_the_cloud_is_irrelevant():
    points = torch.rand(500, 3, generator=Generator().manual_seed(1)) * 4
    near = torch.cat((points, (points + 0.001).clamp(max=points.amax(0))))
    moves = elastic_displacement(near, 0.2, 0.4, Generator().manual_seed(0))
    assert (moves[:500] - moves[500:]).abs().max() < 0.003
    assert moves.std() > 0.02
    elsewhere = elastic_displacement(near + 64, 0.2, 0.4, Generator().manual_seed(0))
    assert_close(elsewhere, moves, atol=1e-3, rtol=0)


def test_a_single_point_and_no_magnitude_are_fine():
    assert elastic_displacement(torch.ones(1, 3), 0.2, 0.4, Generator().manual_seed(0)).isfinite().all()
    still = elastic_displacement(lattice(4, 0.1), 0.2, 0.0, Generator().manual_seed(0))
    assert_close(still, torch.zeros_like(still))
