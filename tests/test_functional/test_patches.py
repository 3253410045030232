"""Farthest points, neighbours, patches and back: slow oracles in float64, ties, limits."""

import pytest
import torch
from torch.testing import assert_close

from dos_mm3d.cpu.patches import farthest_points, nearest_points
from dos_mm3d.functional.patches import (
    gather_patches,
    in_unit_sphere,
    interpolate_from_patches,
    patch_rows,
    pooled_features,
)


@pytest.fixture
def cloud() -> torch.Tensor:
    return torch.randn(70, 3, generator=torch.Generator().manual_seed(0))


@pytest.mark.parametrize('start', [0, 17, 69])
def test_each_centre_is_the_farthest_from_those_before_it(cloud, start):
    chosen = farthest_points(cloud, 12, start=start).tolist()
    assert chosen[0] == start
    distance = torch.cdist(cloud.double(), cloud.double())
    for count in range(1, 12):
        assert chosen[count] == int(distance[:, chosen[:count]].amin(1).argmax())


def test_of_equally_far_points_the_first_is_taken():
    square = torch.tensor([[0.0, 0, 0], [1, 1, 0], [1, 0, 0], [0, 1, 0]])
    assert farthest_points(square, 4, start=0).tolist() == [0, 1, 2, 3]
    assert farthest_points(square[[0, 3, 2, 1]], 4, start=0).tolist() == [0, 3, 1, 2]


def test_no_new_point_is_left_when_all_coincide():
    assert farthest_points(torch.ones(3, 3), 3, start=2).tolist() == [2, 0, 0]


@pytest.mark.parametrize(('count', 'start'), [(0, 0), (71, 0), (4, 70), (4, -1)])
def test_what_cannot_be_sampled_is_refused(cloud, count, start):
    with pytest.raises(ValueError, match='points'):
        farthest_points(cloud, count, start=start)


def test_neighbours_are_those_of_a_sorted_distance_matrix(cloud):
    centres = cloud[[3, 44]]
    oracle = torch.cdist(centres.double(), cloud.double()).argsort(1)[:, :9]
    assert torch.equal(nearest_points(cloud, centres, 9), oracle)
    assert nearest_points(cloud, centres, 1).tolist() == [[3], [44]]


def test_a_patch_of_more_points_than_there_are_is_refused(cloud):
    with pytest.raises(ValueError, match='70 points hold no patch of 71'):
        nearest_points(cloud, cloud[:2], 71)


def test_patches_cover_what_they_should(cloud):
    centres, rows = patch_rows(cloud, 8, 16, start=5)
    assert torch.equal(rows[:, 0], centres)
    patches, positions = gather_patches(cloud[None], centres[None], rows[None])
    assert_close(patches[0] + positions[0][:, None], cloud[rows])
    assert (patches[0, :, 0] == 0).all()


def test_the_unit_sphere_takes_shift_and_scale_out_and_nothing_else(cloud):
    ours = in_unit_sphere(cloud[None].double())
    assert_close(ours.mean(1), torch.zeros(1, 3, dtype=torch.float64), atol=1e-12, rtol=0)
    assert_close(ours.norm(dim=2).max(), torch.ones((), dtype=torch.float64))
    assert_close(in_unit_sphere(7 * cloud[None].double() - 100), ours)
    assert (in_unit_sphere(torch.full((2, 5, 3), 4.0)) == 0).all()


def test_interpolation_matches_a_loop_and_keeps_a_centre():
    generator = torch.Generator().manual_seed(1)
    points, centres = (
        torch.randn(2, 9, 3, generator=generator).double(),
        torch.randn(2, 5, 3, generator=generator).double(),
    )
    points[0, 0] = centres[0, 3]
    features = torch.randn(2, 5, 4, generator=generator).double().requires_grad_()
    ours = interpolate_from_patches(points, centres, features)
    for cloud in range(2):
        for point in range(9):
            squared = (points[cloud, point] - centres[cloud]).square().sum(1)
            three = squared.argsort()[:3]
            weight = 1 / (squared[three] + 1e-8)
            expected = (weight[:, None] * features[cloud, three]).sum(0) / weight.sum()
            assert_close(ours[cloud, point], expected)
    assert_close(ours[0, 0], features[0, 3], atol=1e-6, rtol=0)
    assert_close(interpolate_from_patches(points, centres, torch.ones_like(features)), torch.ones(2, 9, 4).double())
    ours.sum().backward()
    assert_close(features.grad.sum(), torch.tensor(2 * 9 * 4.0).double())  # the weights of a point sum to 1


def test_pools():
    cls, patches = torch.tensor([[1.0, 2.0]]), torch.tensor([[[0.0, 4.0], [2.0, -4.0]]])
    assert pooled_features(cls, patches, ('cls', 'mean', 'max')).tolist() == [[1, 2, 1, 0, 2, 4]]
    assert pooled_features(None, patches, ('max',)).tolist() == [[2, 4]]
    with pytest.raises(ValueError, match='without a CLS token'):
        pooled_features(None, patches, ('cls', 'mean'))
