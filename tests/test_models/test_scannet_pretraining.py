"""Indoor pretraining configs: stepped at tiny size, on grids that agree, with colours and normals left alone."""

import math
from pathlib import Path

import pytest
import torch
from mmengine.config import Config

from tests.helpers.tiny_runs import losses_of

DOS = Path(__file__).resolve().parents[2] / 'configs/dos'
TINY_PTV3 = dict(channels=[8, 16, 24], depths=[1, 1, 1], heads=[1, 2, 2], patch_sizes=64)
MINKUNET = dict(
    base_channels=8,
    encoder_channels=[8, 16, 16, 16],
    encoder_blocks=[1] * 4,
    decoder_channels=[16, 16, 16, 16],
    decoder_blocks=[1] * 4,
)
TINY = {
    'dos_minkunet_scannet': {f'model.backbone.backbone.{key}': value for key, value in MINKUNET.items()},
    'dos_ptv3_scannet': {'model.backbone.ptv3.encoder': TINY_PTV3},
    'dos_second_scannet': {},
}
SMALL_HEAD = {'embedding_channels': 16, 'model.projector.hidden_channels': 32, 'model.head.num_prototypes': 32}


@pytest.fixture(autouse=True)
def unformatted(monkeypatch) -> None:
    """The runner formats the config's text five times, which takes longer than the two steps."""
    monkeypatch.setattr(Config, 'pretty_text', '')


@pytest.mark.parametrize('name', TINY)
def test_two_steps_at_tiny_size(name, synthetic_scannet, tiny_pretraining):
    runner = tiny_pretraining(DOS / f'{name}.py', synthetic_scannet, options={**TINY[name], **SMALL_HEAD})
    before = {key: value.clone() for key, value in runner.model.teacher.backbone.named_parameters()}
    runner.train()
    assert len(losses_of(runner)) == 2
    moved = [key for key, value in runner.model.teacher.backbone.named_parameters() if not value.equal(before[key])]
    assert len(moved) > 0.9 * len(before), 'the teacher did not move'


@pytest.mark.parametrize('name', TINY)
def test_grids_masks_and_columns_agree(name):
    cfg = Config.fromfile(DOS / f'{name}.py')
    views, mask, _ = cfg.train_dataloader.dataset.pipeline
    layer = cfg.model.data_preprocessor.voxel_layer
    for key in ('voxel_size', 'point_cloud_range'):
        assert list(cfg[key]) == list(layer[key])
    assert cfg.model.backbone.loss_stride == cfg.loss_stride
    assert cfg.voxel_size[0] * cfg.loss_stride == pytest.approx(0.08)
    assert (mask.mask_ratio, mask.block_size_m) == (0.7, 0.4)
    assert views.intensity_column is None and list(views.normal_columns) == [6, 7, 8]
    assert len(cfg.input_channels) == 9
    cells = [round((cfg.point_cloud_range[a + 3] - cfg.point_cloud_range[a]) / cfg.voxel_size[a]) for a in (2, 1, 0)]
    assert all(count % 16 == 0 for count in cells)
    if name == 'dos_second_scannet':
        shape = list(cfg.model.backbone.middle_encoder.sparse_shape)
        assert shape == [cells[0] + 1, *cells[1:]]
        assert 2 * cfg.train_dataloader.batch_size * math.prod(shape) < 2**31, 'more than spconv tells apart'


def test_views_of_the_stream_keep_unit_normals_and_colours(synthetic_scannet):
    from mmdet3d.registry import DATASETS

    from dos_mm3d.datasets.stream import Draw
    from dos_mm3d.structures import Grid

    cfg = Config.fromfile(DOS / 'dos_ptv3_scannet.py')
    cfg.train_dataloader.dataset.data_root = str(synthetic_scannet)
    cfg.train_dataloader.dataset.pipeline[0].colour = None
    dataset = DATASETS.build(cfg.train_dataloader.dataset)
    dataset.grid = Grid(cfg.point_cloud_range, cfg.voxel_size, cfg.loss_stride)
    raw, _ = dataset.load(dataset.index_of(Draw(0, 0)))
    pair = dataset[Draw(0, 0)]['views']
    for view in (pair.a, pair.b):
        assert torch.equal(view.points[:, 3:6], raw[view.origin, 3:6])
        torch.testing.assert_close(view.points[:, 6:].norm(dim=1), raw[view.origin, 6:].norm(dim=1))
        assert not torch.allclose(view.points[:, 6:], raw[view.origin, 6:]), 'not turned at all'
