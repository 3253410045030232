"""Points gathered into cells, against plain Python; and mmcv's and mmdet3d's scatters on the CPU."""

from collections import defaultdict

import numpy as np
import pytest
import torch
from mmcv.ops import DynamicScatter, dynamic_scatter
from mmdet3d.models.data_preprocessors import data_preprocessor, voxelize
from torch.testing import assert_close

import dos_mm3d  # noqa: F401  (repairs upstream bugs)
from dos_mm3d.cpu.cell_kernels import order_of_rows
from dos_mm3d.cpu.scatter import mean_over_points, occupied_cells, reduce_by_row, scatter_points

pytestmark = pytest.mark.usefixtures('same_threads_afterwards')
REDUCTIONS = {
    'max': lambda rows: torch.stack(rows).amax(0),
    'mean': lambda rows: torch.stack(rows).mean(0),
    'sum': lambda rows: torch.stack(rows).sum(0),
}


def cloud(n: int = 400, *, columns: int = 5, dimensions: int = 3) -> tuple[torch.Tensor, torch.Tensor]:
    """Features (n, columns) in float64 and cells (n, dimensions) int32, several points to a cell."""
    generator = torch.Generator().manual_seed(0)
    # every axis has an extent of its own: one taken for another must show
    cells = torch.randint(0, 6, (n, dimensions), generator=generator) * torch.arange(1, dimensions + 1)
    return torch.randn(n, columns, generator=generator).double(), cells.int()


def by_cell(features: torch.Tensor, cells: torch.Tensor, reduction: str) -> dict[tuple, torch.Tensor]:
    """Cell -> reduced features, in ascending order of cells."""
    groups = defaultdict(list)
    for row, cell in zip(features, cells.tolist()):
        if min(cell) >= 0:
            groups[tuple(cell)].append(row)
    return {cell: REDUCTIONS[reduction](groups[cell]) for cell in sorted(groups)}


@pytest.mark.parametrize('reduction', REDUCTIONS)
@pytest.mark.parametrize('dimensions', [1, 3, 4])
def test_values_cells_and_rows_are_those_of_a_loop(reduction, dimensions):
    features, cells = cloud(dimensions=dimensions)
    cells[::7, dimensions - 1] = -1
    values, found, row_of_point = scatter_points(features, cells, reduction)
    wanted = by_cell(features, cells, reduction)
    assert [tuple(cell) for cell in found.tolist()] == list(wanted)
    assert_close(values, torch.stack(list(wanted.values())))
    assert found.dtype == row_of_point.dtype == torch.int32
    assert (row_of_point[::7] == -1).all()
    kept = row_of_point >= 0
    assert torch.equal(found[row_of_point[kept].long()], cells[kept])


@pytest.mark.parametrize('reduction', REDUCTIONS)
def test_gradients_are_those_of_a_loop(reduction):
    features, cells = cloud(60, columns=3)
    cells[::5] = -1
    features.requires_grad_()
    values, _, _ = scatter_points(features, cells, reduction)
    weight = torch.randn(values.shape, generator=torch.Generator().manual_seed(1)).double()
    found = torch.autograd.grad((values * weight).sum(), features)[0]
    looped = torch.stack(list(by_cell(features, cells, reduction).values()))
    assert_close(found, torch.autograd.grad((looped * weight).sum(), features)[0])
    assert not found[::5].any()


def test_no_points_and_no_point_in_any_cell():
    for features, cells in ((torch.zeros(0, 4), torch.zeros(0, 3).int()), (torch.ones(2, 4), -torch.ones(2, 3).int())):
        values, found, row_of_point = scatter_points(features, cells)
        assert values.shape == (0, 4) and found.shape == (0, 3) and (row_of_point == -1).all()


def test_coordinates_far_from_each_other_keep_their_order():
    cells = torch.tensor([[2**30, 0], [0, 2**30], [0, 5], [2**30, 0]], dtype=torch.int32)
    found, row = occupied_cells(cells)
    assert found.tolist() == [[0, 5], [0, 2**30], [2**30, 0]] and row.tolist() == [2, 1, 0, 2]


def test_a_nan_stays_visible():
    features = torch.tensor([[1.0], [float('nan')], [2.0]])
    values, _, _ = scatter_points(features, torch.tensor([[0], [0], [1]]))
    assert values[0].isnan().all() and values[1] == 2


def test_another_reduction_is_refused():
    with pytest.raises(ValueError, match="reduction is 'min'"):
        reduce_by_row(torch.ones(2, 1), torch.tensor([0, 0]), 1, reduction='min')


@pytest.mark.parametrize('reduction', REDUCTIONS)
def test_same_bits_on_any_number_of_threads(reduction):
    features, cells = cloud(20000, columns=32)
    results = []
    for threads in (1, 4, 4, 4):
        torch.set_num_threads(threads)
        leaf = features.float().requires_grad_()
        values, _, _ = scatter_points(leaf, cells, reduction)
        values.square().sum().backward()
        results.append((values.detach(), leaf.grad))
    for values, grad in results[1:]:
        assert torch.equal(values, results[0][0]) and torch.equal(grad, results[0][1])


def test_mean_over_points_counts_a_site_as_often_as_points_lie_in_it():
    features = torch.tensor([[1.0], [10.0], [100.0]], dtype=torch.float64, requires_grad=True)
    site = torch.tensor([0, 0, 1, 2, 2])
    cell = torch.tensor([1, 1, 1, 0, 1])
    found = mean_over_points(features, site, cell, 2)
    assert_close(found, torch.tensor([[100.0], [(1 + 1 + 10 + 100) / 4]], dtype=torch.float64))
    found[1].backward()
    assert_close(features.grad, torch.tensor([[0.5], [0.25], [0.25]], dtype=torch.float64))


def test_mean_over_points_is_the_mean_of_the_gathered_rows():
    generator = torch.Generator().manual_seed(2)
    features = torch.randn(40, 6, generator=generator).double()
    site, cell = torch.randint(40, (500,), generator=generator), torch.randint(20, (500,), generator=generator)
    wanted = torch.stack([features[site[cell == number]].mean(0) for number in range(20)])
    assert_close(mean_over_points(features, site, cell, 20), wanted)
    assert mean_over_points(features, site[:0], cell[:0], 0).shape == (0, 6)


def test_mmcvs_and_mmdet3ds_scatters_work_on_the_cpu():
    features, cells = cloud()
    for reduction in ('max', 'mean'):
        values, found, _ = scatter_points(features, cells, reduction)
        assert all(map(torch.equal, dynamic_scatter(features, cells, reduction), (values, found)))
        module = DynamicScatter([1, 1, 1], [0, 0, 0, 6, 6, 6], average_points=reduction == 'mean')
        assert all(map(torch.equal, module(features, cells), (values, found)))
    for module in (voxelize, data_preprocessor):
        assert all(map(torch.equal, module.dynamic_scatter_3d(features, cells), scatter_points(features, cells)[:2]))
        with_map = module.dynamic_scatter_3d(features, cells, 'mean', True)
        assert all(map(torch.equal, with_map, scatter_points(features, cells, 'mean')))


def test_batches_are_scattered_sample_by_sample():
    features, cells = cloud(dimensions=4)
    cells[:, 0] = torch.arange(len(cells)) * 3 // len(cells)
    values, found = DynamicScatter([1, 1, 1], [0, 0, 0, 6, 6, 6], average_points=False)(features, cells)
    wanted = by_cell(features, cells, 'max')
    assert [tuple(cell) for cell in found.tolist()] == list(wanted)
    assert_close(values, torch.stack(list(wanted.values())))


def test_other_devices_go_to_mmcv():
    with pytest.raises(RuntimeError, match='implementation for device meta not found'):
        dynamic_scatter(torch.ones(2, 3, device='meta'), torch.zeros(2, 3, device='meta', dtype=torch.int32))


def test_points_of_a_row_keep_their_order():
    """Sums would otherwise round in another order than those on a GPU, which sorts."""
    row_of_point = torch.randint(5, (200,)).numpy()
    assert (order_of_rows(row_of_point, 6) == np.argsort(row_of_point, kind='stable')).all()
