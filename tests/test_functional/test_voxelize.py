"""Sorting instead of a table of the grid: the same voxels as mmcv's operator, row by row."""

import pytest
import torch
from mmcv.ops import Voxelization

from dos_mm3d.cpu.key_table import group_points
from dos_mm3d.functional.voxelize import group_by_sorting, hard_voxelize
from dos_mm3d.structures import Grid

RANGE = [-8.0, -8.0, -2.0, 8.0, 8.0, 2.0]
SIZE = [0.4, 0.2, 0.8]


def voxelize(points: torch.Tensor, max_points: int = 5) -> tuple[torch.Tensor, ...]:
    grid = Grid(RANGE, SIZE)
    coords, inside = grid.voxels(points[:, :3])
    return hard_voxelize(points[inside], coords[inside], grid.shape, max_points=max_points)


@pytest.mark.parametrize('n', [1, 2, 50, 4000])
@pytest.mark.parametrize('max_points', [1, 3, 10])
def test_voxels_are_mmcvs_in_content_and_order(n, max_points):
    generator = torch.Generator().manual_seed(n)
    # wider than the range, and dense near the middle, so that points are dropped for both reasons
    points = torch.cat((torch.randn(n, 3, generator=generator) * 5, torch.rand(n, 2, generator=generator)), dim=1)
    wanted = Voxelization(SIZE, RANGE, max_points, max_voxels=100_000)(points)
    got = voxelize(points, max_points)
    *got, first_point = got
    inside = Grid(RANGE, SIZE).voxels(points[:, :3])[1]
    assert torch.equal(points[inside][first_point], got[0][:, 0])
    for ours, mmcvs in zip(got, wanted, strict=True):
        assert ours.dtype == mmcvs.dtype
        assert torch.equal(ours, mmcvs)


def test_points_on_cell_borders_fall_as_in_mmcv():
    steps = torch.arange(-20, 21) * 0.2
    points = torch.cartesian_prod(steps, steps, torch.tensor([-2.0, -1.2, 0.4, 1.2, 2.0]))
    wanted = Voxelization(SIZE, RANGE, 5, max_voxels=100_000)(points)
    for ours, mmcvs in zip(voxelize(points)[:3], wanted, strict=True):
        assert torch.equal(ours, mmcvs)


def test_no_point_in_range_gives_no_voxel():
    voxels, coors, num_points, _ = voxelize(torch.full((3, 4), 100.0))
    assert voxels.shape == (0, 5, 4) and coors.shape == (0, 3) and num_points.shape == (0,)


def test_several_clouds_come_out_as_one_after_the_other():
    generator = torch.Generator().manual_seed(0)
    clouds = [torch.randn(n, 4, generator=generator) for n in (300, 0, 1, 200)]
    coords = [Grid(RANGE, SIZE).voxels(cloud[:, :3])[0] for cloud in clouds]
    numbered = torch.cat([torch.nn.functional.pad(one, (1, 0), value=number) for number, one in enumerate(coords)])
    shape = Grid(RANGE, SIZE).shape
    together = hard_voxelize(torch.cat(clouds), numbered, shape, max_points=2)
    apart = [hard_voxelize(cloud, one, shape, max_points=2) for cloud, one in zip(clouds, coords, strict=True)]
    starts = [0, 300, 300, 301]
    voxels, coors, num_points, first_point = (list(part) for part in zip(*apart))
    assert torch.equal(together[0], torch.cat(voxels))
    assert torch.equal(together[1][:, 1:], torch.cat(coors))
    assert together[1][:, 0].tolist() == [number for number, one in enumerate(coors) for _ in one]
    assert torch.equal(together[2], torch.cat(num_points))
    assert torch.equal(together[3], torch.cat([rows + start for rows, start in zip(first_point, starts)]))


@pytest.mark.parametrize('max_points', [1, 3])
def test_a_gpu_groups_points_as_the_cpu_does(max_points):
    """What sorts on a GPU runs here, too."""
    generator = torch.Generator().manual_seed(0)
    points, keys = torch.rand(500, 4, generator=generator), torch.randint(2**40, (200,), generator=generator)
    keys = keys[torch.randint(200, (500,), generator=generator)]
    on_gpu = group_by_sorting(points, keys, max_points)
    for found, wanted in zip(on_gpu, group_points(points.numpy(), keys.numpy(), max_points), strict=True):
        assert torch.equal(found, torch.from_numpy(wanted))
