"""Global shape descriptors: what they do not depend on, and closed forms."""

import pytest
import torch
from torch.testing import assert_close

from dos_mm3d.functional.shape_descriptors import (
    covariance_eigenvalues,
    histogram,
    pair_distance_histogram,
    radius_by_height,
    shape_descriptor,
)


@pytest.fixture
def cloud() -> torch.Tensor:
    points = torch.rand(600, 3, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    return points * torch.tensor([3.0, 1.0, 2.0])


def test_shift_scale_and_a_turn_about_z_change_nothing(cloud):
    c, s = torch.cos(torch.tensor(0.7)), torch.sin(torch.tensor(0.7))
    turn = torch.tensor([[c, -s, 0], [s, c, 0], [0, 0, 1]], dtype=torch.float64)
    moved = 0.3 * cloud @ turn.T + torch.tensor([5.0, -2.0, 1.0])
    assert_close(shape_descriptor(moved), shape_descriptor(cloud), atol=5e-3, rtol=0)


def test_a_turn_about_x_is_another_shape(cloud):
    lying = cloud[:, [0, 2, 1]]
    assert (shape_descriptor(lying) - shape_descriptor(cloud)).abs().max() > 0.1


def test_histograms_are_shares_and_what_is_outside_is_in_the_last_bin():
    values = torch.tensor([-1.0, 0.1, 0.9, 7.0])
    found = histogram(values, 0.0, 1.0)
    assert_close(found.sum(), torch.tensor(1.0))
    assert_close(found[[0, 1, 14, 15]], torch.tensor([0.25, 0.25, 0.25, 0.25]))


def test_distances_of_points_on_a_sphere_have_a_linear_density():
    """D2 of a unit sphere: the chord c has density c / 2 up to 2 (Osada et al.)."""
    points = torch.randn(4000, 3, generator=torch.Generator().manual_seed(1), dtype=torch.float64)
    points = points / points.norm(dim=1, keepdim=True)
    edges = torch.linspace(0, 4, 17, dtype=torch.float64).clamp_max(2)
    assert_close(pair_distance_histogram(points), (edges[1:] ** 2 - edges[:-1] ** 2) / 4, atol=0.01, rtol=0)


def test_a_cylinder_has_its_radius_in_every_slice_and_a_round_footprint():
    angle = torch.linspace(0, 200 * torch.pi, 3200, dtype=torch.float64)
    points = torch.stack([0.5 * angle.cos(), 0.5 * angle.sin(), torch.linspace(-1, 1, 3200, dtype=torch.float64)], 1)
    mean, deviation = radius_by_height(points).chunk(2)
    assert_close(mean, torch.full_like(mean, 0.5))
    assert_close(deviation, torch.zeros_like(mean), atol=1e-6, rtol=0)
    upright, major, minor, roundness = covariance_eigenvalues(points)
    assert_close(
        torch.stack([upright + major + minor, roundness]), torch.ones(2, dtype=torch.float64), atol=1e-2, rtol=0
    )


def test_one_point_many_times_has_a_finite_descriptor():
    assert torch.isfinite(shape_descriptor(torch.ones(20, 3))).all()


@pytest.mark.parametrize('shape', [(10, 3), (100, 2), (2, 100, 3)])
def test_another_shape_is_refused(shape):
    with pytest.raises(ValueError, match='points must be'):
        shape_descriptor(torch.zeros(shape))
