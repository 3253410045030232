"""Trilinear interpolation from voxels to points and means back: against loops in float64, and what they must leave."""

import itertools

import pytest
import torch
from torch.autograd import gradcheck
from torch.testing import assert_close

from dos_mm3d.cpu.scatter import reduce_by_row
from dos_mm3d.functional.trilinear import interpolate, trilinear_corners, voxel_of_point


def cloud(n: int = 200, seed: int = 0) -> torch.Tensor:
    """(n, 4) real points [batch, x, y, z] of two samples, some left of 0."""
    generator = torch.Generator().manual_seed(seed)
    xyz = torch.rand(n, 3, generator=generator, dtype=torch.float64) * torch.tensor([30.0, 20.0, 10.0]) - 7
    return torch.cat((torch.randint(0, 2, (n, 1), generator=generator).double(), xyz), dim=1)


def occupied(points: torch.Tensor, stride: int) -> torch.Tensor:
    """Sites (S, 4) int32 with points in them, shuffled."""
    sites = torch.cat((points[:, :1], (points[:, 1:] / stride).floor()), dim=1).int().unique(dim=0)
    return sites[torch.randperm(len(sites), generator=torch.Generator().manual_seed(1))]


def full_grid(low: int, high: int, batches: int = 1) -> torch.Tensor:
    axis = range(low, high)
    return torch.tensor(list(itertools.product(range(batches), axis, axis, axis)), dtype=torch.int32)


def interpolated_by_hand(points, sites, features, stride) -> torch.Tensor:
    """Point by point, corner by corner: product of tent functions, divided by their sum over the sites."""
    value = {tuple(site): feature for site, feature in zip(sites.tolist(), features)}
    rows = []
    for batch, *xyz in points.tolist():
        total, mass = torch.zeros(features.shape[1], dtype=torch.float64), 0.0
        for corner in itertools.product(*[(int(c // stride), int(c // stride) + 1) for c in xyz]):
            tent = 1.0
            for c, q in zip(xyz, corner):
                tent *= max(0.0, 1 - abs(c / stride - q))
            if (int(batch), *corner) in value:
                total, mass = total + tent * value[(int(batch), *corner)], mass + tent
        rows.append(total / mass if mass else total)
    return torch.stack(rows)


@pytest.mark.parametrize('stride', [1, 2, 4])
def test_interpolation_is_that_of_loops(stride):
    points = cloud()
    sites = occupied(points, stride)
    features = torch.randn(len(sites), 5, dtype=torch.float64)
    found = interpolate(features, trilinear_corners(points, sites, stride=stride))
    assert_close(found, interpolated_by_hand(points, sites, features, stride), atol=1e-12, rtol=1e-12)


@pytest.mark.parametrize('stride', [1, 3, 16])
def test_weights_sum_to_one_over_the_corners_that_exist(stride):
    points = cloud()
    sites = occupied(points, stride)
    rows, weights = trilinear_corners(points, sites, stride=stride)
    assert rows.shape == weights.shape == (len(points), 8)
    assert (weights >= 0).all()
    assert_close(weights.sum(1), torch.ones(len(points), dtype=torch.float64))
    used = weights > 0
    assert (sites[rows[used], 0] == points[:, :1].expand(-1, 8)[used]).all(), 'another sample was looked at'
    assert ((sites[rows[used], 1:] * stride - points[:, None, 1:].expand(-1, 8, -1)[used]).abs() < stride).all()


def test_a_point_far_from_all_voxels_gets_nothing():
    points = torch.tensor([[0, 0.5, 0.5, 0.5], [0, 40.0, 40.0, 40.0], [1, 0.5, 0.5, 0.5]])
    corners = trilinear_corners(points, torch.tensor([[0, 0, 0, 0]]), stride=1)
    found = interpolate(torch.ones(1, 2), corners)
    assert_close(found, torch.tensor([[1.0, 1.0], [0, 0], [0, 0]]))


@pytest.mark.parametrize('stride', [1, 2, 8])
def test_a_point_on_a_lattice_point_has_that_voxels_feature(stride):
    sites = occupied(cloud(), stride)
    points = sites.clone()
    points[:, 1:] *= stride
    order = torch.randperm(len(sites), generator=torch.Generator().manual_seed(2))
    features = torch.randn(len(sites), 3)
    found = interpolate(features, trilinear_corners(points[order], sites, stride=stride))
    assert torch.equal(found, features[order])


def test_linear_fields_are_reproduced():
    stride, sites = 2, full_grid(-3, 5)
    points = torch.cat((torch.zeros(50, 1), torch.rand(50, 3) * 13 - 5.5), dim=1).double()
    slope, offset = torch.tensor([[0.3, -2.0], [1.0, 0.1], [-0.7, 0.0]], dtype=torch.float64), 4.0
    field = sites[:, 1:].double() * stride @ slope + offset
    found = interpolate(field, trilinear_corners(points, sites, stride=stride))
    assert_close(found, points[:, 1:] @ slope + offset)


def test_a_constant_stays_constant_where_voxels_are_missing():
    points = cloud()
    sites = occupied(points, 2)
    found = interpolate(torch.full((len(sites), 1), 2.5), trilinear_corners(points, sites, stride=2))
    assert_close(found, torch.full((len(points), 1), 2.5))


def test_each_point_lies_in_its_voxel_and_means_are_means():
    points, stride = cloud(), 4
    sites = occupied(points, stride)
    rows = voxel_of_point(points, sites, stride=stride)
    low = sites[rows, 1:] * stride
    assert ((points[:, 1:] >= low) & (points[:, 1:] < low + stride)).all() and (sites[rows, 0] == points[:, 0]).all()
    features = torch.randn(len(points), 3, dtype=torch.float64)
    means = reduce_by_row(features, rows, len(sites), reduction='mean')
    by_hand = torch.stack([features[rows == row].mean(0) for row in range(len(sites))])
    assert_close(means, by_hand)


def test_a_point_without_its_voxel_is_refused():
    points = cloud()
    sites = occupied(points, 4)
    inside = int((voxel_of_point(points, sites, stride=4) == 3).sum())
    with pytest.raises(ValueError, match=f'{inside} of 200 points lie in no voxel of stride 4'):
        voxel_of_point(points, sites[torch.arange(len(sites)) != 3], stride=4)


def test_gradients():
    points = cloud(12)
    sites = occupied(points, 8)
    corners, rows = trilinear_corners(points, sites, stride=8), voxel_of_point(points, sites, stride=8)
    voxels = torch.randn(len(sites), 2, dtype=torch.float64, requires_grad=True)
    assert gradcheck(lambda x: interpolate(x, corners), voxels)
    features = torch.randn(12, 2, dtype=torch.float64, requires_grad=True)
    assert gradcheck(lambda x: reduce_by_row(x, rows, len(sites), reduction='mean'), features)


def test_the_same_bits_on_any_number_of_threads():
    """Many points share few voxels: a race in the gradient would show."""
    points = cloud(20000)
    sites = occupied(points, 4)
    generator = torch.Generator().manual_seed(5)
    start, upstream = torch.randn(len(sites), 32, generator=generator), torch.randn(20000, 32, generator=generator)

    def both_ways() -> list[torch.Tensor]:
        features = start.clone().requires_grad_()
        at_points = interpolate(features, trilinear_corners(points, sites, stride=4))
        rows = voxel_of_point(points, sites, stride=4)
        means = reduce_by_row(at_points * upstream, rows, len(sites), reduction='mean')
        return [at_points.detach(), means.detach(), torch.autograd.grad(means.square().sum(), features)[0]]

    threads = torch.get_num_threads()
    try:
        torch.set_num_threads(1)
        alone = both_ways()
        torch.set_num_threads(4)
        for _ in range(5):
            assert all(torch.equal(a, b) for a, b in zip(alone, both_ways()))
    finally:
        torch.set_num_threads(threads)
