"""The cylindrical partition: by hand, and row for row as mmdet3d's preprocessor makes it."""

import math

import pytest
import torch
from mmdet3d.models import Det3DDataPreprocessor
from mmdet3d.structures import Det3DDataSample, PointData

import dos_mm3d  # noqa: F401  (registers, repairs upstream bugs)
from dos_mm3d.functional.voxelize import cylinder_cells, polar_points
from dos_mm3d.models.preprocessors import ViewPreprocessor

LAYER = dict(
    grid_shape=[480, 360, 32],
    point_cloud_range=[0, -3.14159265359, -4, 50, 3.14159265359, 2],
    max_num_points=-1,
    max_voxels=-1,
)
LOSS_GRID = dict(point_cloud_range=[-20, -20, -4, 20, 20, 2], voxel_size=[0.5, 0.5, 0.5])


def scan(seed: int, n: int = 4000) -> torch.Tensor:
    """(n, 4) points within and beyond the range, in all directions."""
    generator = torch.Generator().manual_seed(seed)
    xyz = torch.randn(n, 3, generator=generator) * torch.tensor([25.0, 25.0, 2.5])
    # directions where phi jumps, the centre, and heights on the border
    special = torch.tensor([[-7.0, 0, 0], [-7.0, -0.0, 0], [0, 0, 0], [3, 4, -4], [3, 4, 2], [0, -5, 1]])
    xyz[: len(special)] = special
    return torch.cat((xyz, torch.rand(n, 1, generator=generator)), dim=1)


def test_polar_points_by_hand():
    points = torch.tensor([[3.0, 4.0, 1.0, 0.5], [-2.0, 0.0, 0.0, 0.1], [0.0, -1.0, 2.0, 0.2]])
    wanted = [
        [5, math.atan2(4, 3), 1, 3, 4, 0.5],
        [2, math.pi, 0, -2, 0, 0.1],
        [1, -math.pi / 2, 2, 0, -1, 0.2],
    ]
    torch.testing.assert_close(polar_points(points), torch.tensor(wanted))


def test_cells_by_hand_and_outside_counts_as_on_the_border():
    span, size = [0, -3, -4, 50, 3, 2], [5, 1.5, 2]
    inside = torch.tensor([[0, -3, -4], [4.9, -1.6, -2.1], [5, -1.5, -2], [50, 3, 2]])
    assert cylinder_cells(inside, span, size).tolist() == [[0, 0, 0], [0, 0, 0], [1, 1, 1], [10, 4, 3]]
    outside = torch.tensor([[80, -3.1, 5], [-1, 3.1, -9]])
    assert cylinder_cells(outside, span, size).tolist() == [[10, 0, 3], [0, 4, 0]]


@pytest.mark.parametrize('training', [True, False])
def test_rows_are_mmdet3ds(training):
    clouds = [scan(0), scan(1, 500)]
    theirs = Det3DDataPreprocessor(voxel=True, voxel_type='cylindrical', voxel_layer=LAYER).train(training)
    samples = [
        Det3DDataSample(gt_pts_seg=PointData(pts_semantic_mask=torch.zeros(len(cloud), dtype=torch.int64)))
        for cloud in clouds
    ]
    wanted = theirs.voxelize(clouds, samples)
    ours = ViewPreprocessor(voxel=True, voxel_type='cylindrical', voxel_layer=LAYER, loss_grid=LOSS_GRID)
    found = ours.train(training).voxelize_points(clouds)
    assert torch.equal(found['voxels'], wanted['voxels'])
    assert torch.equal(found['coors'], wanted['coors']) and found['coors'].dtype == torch.int32
    assert found['coors'][:, 1:].amax(0).tolist() == [479, 359, 31], 'the test reaches all borders'
    assert not found['coors'][:, 1:].amin(0).any()


def test_a_row_has_the_loss_voxel_of_its_point():
    clouds = [scan(0), scan(1, 500)]
    ours = ViewPreprocessor(voxel=True, voxel_type='cylindrical', voxel_layer=LAYER, loss_grid=LOSS_GRID)
    cell_of_point = torch.arange(4500) % 70 - 1
    assert torch.equal(ours.voxelize_points(clouds, cell_of_point)['loss_cell'], cell_of_point)
    assert (ours.voxelize_points(clouds)['loss_cell'] == -1).all()


@pytest.mark.parametrize('settings', [dict(voxel_type='cylindrical'), dict(voxel_type='hard', loss_grid=LOSS_GRID)])
def test_a_loss_grid_belongs_to_cylindrical_voxels(settings):
    with pytest.raises(ValueError, match='cylindrical voxels need loss_grid'):
        ViewPreprocessor(voxel=True, voxel_layer=LAYER, **settings)


def test_the_grid_of_loss_voxels_is_beside_cylinders_and_part_of_boxes():
    xyz = torch.tensor([[0.0, 0.3, -3.9], [19.0, -19.0, 1.0]])
    cylinders = ViewPreprocessor(voxel=True, voxel_type='cylindrical', voxel_layer=LAYER, loss_grid=LOSS_GRID)
    halves = dict(LOSS_GRID, voxel_size=[0.25, 0.25, 0.25], max_num_points=5, max_voxels=100)
    boxes = ViewPreprocessor(voxel=True, voxel_type='hard', voxel_layer=halves)
    found = []
    for grid in (cylinders.grid(1), boxes.grid(2)):
        found.append(grid.parents(grid.voxels(xyz)[0]).tolist())
    assert found[0] == found[1] == [[0, 40, 40], [10, 2, 78]]
