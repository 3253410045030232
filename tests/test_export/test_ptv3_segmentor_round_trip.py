"""A pretrained PTv3 and a pretrained MinkUNet go into our segmentation configs, tensor for tensor."""

import copy
from pathlib import Path

import pytest
import torch
from mmdet3d.registry import MODELS
from mmengine.config import Config
from torch import nn

from dos_mm3d.export.backbone import export_backbone, read_export
from dos_mm3d.export.loading import fit_report
from dos_mm3d.models.backbones.ptv3 import upcast
from tests.helpers.round_trip import assert_same_tensors, load_through_runner, randomise, save_as_runner_does

CONFIGS = Path(__file__).resolve().parents[2] / 'configs'


def pretrain(name: str, folder: Path, task: str | None) -> tuple[nn.Module, Path]:
    """A model of a pretraining config, every weight a value of its own, and its exported teacher."""
    cfg = Config.fromfile(CONFIGS / 'dos' / name)
    torch.manual_seed(100)
    model = MODELS.build(copy.deepcopy(cfg.model))
    randomise(model)
    checkpoint = save_as_runner_does(model, cfg.pretty_text, folder / 'iter_7.pth')
    export_backbone(checkpoint, folder / 'backbone.pth', task=task)
    return model.eval(), folder / 'backbone.pth'


@pytest.fixture(scope='module')
def ptv3(tmp_path_factory) -> tuple[nn.Module, Path]:
    return pretrain('dos_ptv3_synthetic.py', tmp_path_factory.mktemp('ptv3'), 'segmentation')


def segmentor(protocol: str, **backbone) -> nn.Module:
    model = Config.fromfile(CONFIGS / f'segmentation/ptv3_{protocol}_synthetic.py').model
    model.backbone.update(backbone)
    torch.manual_seed(5)
    return MODELS.build(model).eval()


def assert_encoder_is(found: nn.Module, wanted: nn.Module) -> None:
    for part in ('embedding', 'enc'):
        assert_same_tensors(getattr(found, part), getattr(wanted, part))


@pytest.mark.parametrize('protocol', ['linear_probe', 'decoder_probe', 'finetune'])
def test_load_from_gives_every_tensor_of_the_encoder(protocol, ptv3, tmp_path):
    model, exported = ptv3
    net = segmentor(protocol)
    decoder = None if net.backbone.dec is None else copy.deepcopy(net.backbone.dec)
    load_through_runner(net, exported, tmp_path)
    assert_encoder_is(net.backbone, model.teacher.backbone.ptv3)
    if decoder is not None:
        assert_same_tensors(net.backbone.dec, decoder)


@pytest.mark.parametrize('protocol', ['linear_probe', 'finetune'])
def test_init_cfg_of_the_backbone_gives_the_same(protocol, ptv3):
    model, exported = ptv3
    net = segmentor(protocol, init_cfg=dict(type='Pretrained', checkpoint=str(exported), prefix='backbone.'))
    net.init_weights()
    assert_encoder_is(net.backbone, model.teacher.backbone.ptv3)


def test_every_exported_name_has_a_place(ptv3):
    model, exported = ptv3
    report = fit_report(segmentor('linear_probe'), read_export(exported)['state_dict'])
    assert len(report.matched) == len(model.teacher.backbone.state_dict())
    assert not report.unexpected and not report.wrong_shape
    assert set(report.missing) == {'decode_head.conv_seg.weight', 'decode_head.conv_seg.bias'}


@torch.no_grad()
def test_a_scan_has_the_features_that_it_has_in_pretraining(ptv3, tmp_path):
    """At every point, for a scan inside the range that begins at its corner, where both count their voxels from."""
    model, exported = ptv3
    net = load_through_runner(segmentor('linear_probe'), exported, tmp_path).eval()
    layer = model.data_preprocessor.voxel_layer
    generator = torch.Generator().manual_seed(3)
    cells = torch.randint(0, 40, (1500, 3), generator=generator)
    cells[0] = 0
    offset = 0.2 + 0.6 * torch.rand(cells.shape, generator=generator)
    xyz = torch.tensor(list(layer.point_cloud_range[:3])) + (cells + offset) * torch.tensor(list(layer.voxel_size))
    points = torch.cat((xyz, torch.rand(1500, 2, generator=generator)), dim=1)
    voxels = model.data_preprocessor.voxelize_points([points])
    teacher = model.teacher.backbone
    wanted = upcast(teacher.ptv3(teacher.cloud_of(voxels, 1)))
    row_of = {tuple(cell): row for row, cell in enumerate(wanted.grid_coord.tolist())}
    rows = torch.tensor([row_of[tuple(cell)] for cell in cells.tolist()])
    found = net.extract_feat(dict(points=[points]))
    torch.testing.assert_close(found.feat[found.row_of_point], wanted.feat[rows], rtol=1e-3, atol=1e-3)
    assert wanted.feat.std() > 0.1


def test_small_minkunet_loads_its_pretraining(tmp_path):
    model, exported = pretrain('dos_minkunet_synthetic.py', tmp_path, None)
    cfg = Config.fromfile(CONFIGS / 'segmentation/minkunet_small_synthetic.py')
    net = load_through_runner(MODELS.build(cfg.model), exported, tmp_path / 'run')
    assert_same_tensors(net.backbone, model.teacher.backbone.backbone)
