"""Points to voxels against a dictionary, one point at a time."""

import math

import pytest
import torch
from torch.testing import assert_close

from dos_mm3d.functional.voxelize import voxelize_points

SIZE_M = (0.5, 0.5, 0.25)


def clouds(sizes=(400, 3, 250)) -> list[torch.Tensor]:
    generator = torch.Generator().manual_seed(0)
    return [
        torch.randn(n, 4, generator=generator) * torch.tensor([3.0, 3.0, 1.0, 9.0]) + torch.tensor([90.0, -40.0, 0, 0])
        for n in sizes
    ]


def by_dictionary(points: list[torch.Tensor]) -> dict[tuple[int, ...], list[int]]:
    """(cloud, x, y, z), counted from the cloud's smallest cell -> numbers of its points."""
    found: dict[tuple[int, ...], list[int]] = {}
    number = 0
    for cloud, table in enumerate(points):
        cells = [[math.floor(value / size) for value, size in zip(row, SIZE_M)] for row in table.tolist()]
        lowest = [min(axis) for axis in zip(*cells)]
        for cell in cells:
            found.setdefault((cloud, *(a - b for a, b in zip(cell, lowest))), []).append(number)
            number += 1
    return found


def test_every_point_lies_in_its_voxel_and_voxels_hold_means():
    points = clouds()
    voxels, wanted = voxelize_points(points, voxel_size_m=SIZE_M), by_dictionary(points)
    places = [(int(b), *xyz) for b, xyz in zip(voxels.batch, voxels.grid_coord.tolist())]
    assert places == sorted(wanted) and voxels.sizes == (400, 3, 250)
    everything = torch.cat(points)
    for row, place in enumerate(places):
        assert (voxels.voxel_of_point == row).nonzero().squeeze(1).tolist() == wanted[place]
        assert_close(voxels.mean[row], everything[wanted[place]].double().mean(0).float())


def test_far_points_are_kept():
    far = torch.tensor([[0.0, 0, 0, 1], [900.0, -900, 30, 2]])
    voxels = voxelize_points([far], voxel_size_m=SIZE_M)
    assert voxels.grid_coord.tolist() == [[0, 1800, 0], [1800, 0, 120]]
    assert voxels.voxel_of_point.tolist() == [0, 1]


@pytest.mark.parametrize(
    ('bad', 'message'),
    [
        (torch.zeros(0, 4), 'cloud 1 .* has 0 points'),
        (torch.tensor([[0.0, float('nan'), 0, 0]]), 'finite x, y, z'),
        (torch.tensor([[0.0, 0, 0, 0], [4e4, 0, 0, 0]]), 'spans 80001 voxels'),
    ],
)
def test_clouds_that_have_no_grid_are_refused(bad, message):
    with pytest.raises(ValueError, match=message):
        voxelize_points([*clouds((5,)), bad], voxel_size_m=SIZE_M)
