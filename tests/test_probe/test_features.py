"""Features at points: the voxel a point lies in, columns, colours."""

from types import SimpleNamespace

import numpy as np
import torch
from torch import Tensor, nn

from dos_mm3d.probe.features import EncoderFeatures, extractor_of, pillar_features, raw_features
from dos_mm3d.probe.scans import ProbeScan, spread
from dos_mm3d.structures import Grid
from dos_mm3d.studies.quickstart.pictures import class_colours


class CellBackbone(nn.Module):
    """Its feature is the loss voxel itself."""

    def forward(self, voxel_dict: dict, cells: Tensor, batch_size: int) -> Tensor:
        loss_cell = voxel_dict['loss_cell']
        assert torch.equal(voxel_dict['cells'][loss_cell >= 0], cells[loss_cell[loss_cell >= 0]])
        assert set(loss_cell.tolist()) == set(range(-1, len(cells))), 'older sweeps lie elsewhere, too'
        return cells.float()


class FakePreprocessor(nn.Module):
    def voxelize_points(self, points: list[Tensor], cell_of_point: Tensor) -> dict:
        assert not self.training, 'the voxel buffers of testing are wanted'
        cells = (points[0][:, :3] - torch.tensor([-4.0, -4, -2])).floor().int().flip(1)
        return dict(loss_cell=cell_of_point, cells=nn.functional.pad(cells, (1, 0)))


def fake_model() -> SimpleNamespace:
    grid = Grid([-4, -4, -2, 4, 4, 2], [0.5, 0.5, 0.5], 2)
    return SimpleNamespace(data_preprocessor=FakePreprocessor(), grid=grid, parameters=lambda: iter([torch.zeros(1)]))


def scan() -> ProbeScan:
    generator = torch.Generator().manual_seed(0)
    points = torch.rand(200, 5, generator=generator) * torch.tensor([8, 8, 4, 255, 0]) - torch.tensor([4, 4, 2, 0, 0])
    key_rows = torch.arange(120)
    return ProbeScan(points, key_rows, torch.randint(0, 17, (120,), generator=generator))


def test_every_point_gets_the_feature_of_its_own_loss_voxel() -> None:
    backbone, sample = CellBackbone(), scan()
    block = EncoderFeatures(fake_model(), {'teacher': backbone})(sample)['teacher']
    expected = np.floor((sample.points[:120, :3].numpy() - [-4, -4, -2]) / 1.0)[:, ::-1]
    at_points = block.at_points(torch.arange(120)).numpy()
    np.testing.assert_array_equal(at_points[:, 1:], expected)
    np.testing.assert_array_equal(at_points[:, 0], 0)
    assert len(block.values) == len(np.unique(expected, axis=0)), 'one row per occupied voxel'
    assert not backbone.training


def test_places_are_found_on_the_cpu_wherever_the_network_lies() -> None:
    """The meta device stands for a GPU: whatever would read its tensors, as numba or numpy, fails."""
    model, sample, met = fake_model(), scan(), []

    class Elsewhere(nn.Module):
        def voxelize_points(self, points: list[Tensor], cell_of_point: Tensor) -> dict:
            met.extend((*points, cell_of_point))
            return {}

        def forward(self, voxel_dict: dict, cells: Tensor, batch_size: int) -> Tensor:
            met.append(cells)
            return torch.zeros(len(cells), 4)

    model.data_preprocessor = Elsewhere()
    model.parameters = lambda: iter([torch.zeros(1, device='meta')])
    block = EncoderFeatures(model, {'teacher': Elsewhere()})(sample)['teacher']
    assert [found.device.type for found in met] == ['meta'] * 3
    assert block.at_points(torch.arange(120)).shape == (120, 4)


def test_raw_features_are_the_input_columns_of_key_points() -> None:
    sample = scan()
    block = raw_features(sample)['raw']
    assert torch.equal(block.at_points(torch.arange(120)), sample.points[:120])


def test_pillars_see_older_sweeps_too() -> None:
    sample = scan()
    with_old = pillar_features(sample)['pillars'].values
    alone = pillar_features(ProbeScan(sample.points[:120], sample.key_rows, sample.labels))['pillars'].values
    assert with_old.shape == (120, 28)
    assert (with_old[:, 21] >= alone[:, 21]).all(), 'log count in 4 m pillars'
    assert (with_old[:, 21] > alone[:, 21]).any()


def test_only_the_blocks_that_are_asked_for_are_computed() -> None:
    encoders = EncoderFeatures(fake_model(), {'teacher': CellBackbone()})
    assert set(extractor_of({'raw', 'teacher'}, encoders)(scan())) == {'raw', 'teacher'}
    assert set(extractor_of({'raw', 'pillars'}, None)(scan())) == {'raw', 'pillars'}


def test_spread_takes_first_and_last() -> None:
    assert list(spread(list('abcdefghij'), 4)) == ['a', 'd', 'g', 'j']
    assert list(spread(['a', 'b'], 5)) == ['a', 'b']


def test_class_colours() -> None:
    colours = class_colours(torch.tensor([0, 4]))
    np.testing.assert_allclose(colours[0], 0.35)
    np.testing.assert_allclose(colours[1], np.array([255, 158, 0]) / 255)
