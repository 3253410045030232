"""A pretrained PTv3 goes into a CenterPoint and into a segmentor, tensor for tensor."""

import runpy
import sys
from pathlib import Path

import pytest
import torch
from mmdet3d.registry import MODELS
from mmengine.config import Config
from torch import nn

from dos_mm3d.export.backbone import export_backbone, read_export
from dos_mm3d.export.loading import fit_report
from dos_mm3d.models.backbones.ptv3 import Cloud
from tests.helpers.round_trip import assert_same_tensors, load_through_runner, randomise, save_as_runner_does

ROOT = Path(__file__).resolve().parents[2]
DETECTOR = ROOT / 'configs/centerpoint/centerpoint_ptv3_small_synthetic.py'
VARIANTS = ('m1', 'm2', 'm3')
HEAD_DIMS = dict(m1=16, m2=16, m3=6)  # m3 splits a head into three axes of pairs


def settings(variant: str) -> dict:
    """The tiny encoder in one of its variants: m1 has 5^3 kernels and BatchNorm, m3 buffers of its own."""
    heads = [channels // HEAD_DIMS[variant] for channels in (48, 96)]
    return dict(variant=variant, encoder=dict(channels=[48, 96], depths=[1, 2], heads=heads, patch_sizes=64))


def pretraining_config(variant: str) -> Config:
    cfg = Config.fromfile(ROOT / 'configs/dos/dos_ptv3_synthetic.py')
    cfg.model.backbone.update(loss_stride=2)
    cfg.model.backbone.ptv3.update(settings(variant))
    return cfg


def pretraining(variant: str) -> nn.Module:
    """A DOS model whose every weight and statistic is a value of its own."""
    torch.manual_seed(100)
    model = MODELS.build(pretraining_config(variant).model)
    randomise(model)
    return model.eval()


def detector(variant: str, **middle_encoder) -> nn.Module:
    """The config's CenterPoint with another seed than pretraining."""
    cfg = Config.fromfile(DETECTOR)
    decoder = dict(channels=[48], depths=[1], heads=[48 // HEAD_DIMS[variant]])
    cfg.model.pts_middle_encoder.ptv3.update(settings(variant), decoder=decoder)
    cfg.model.pts_middle_encoder.update(middle_encoder)
    cfg.model.pts_backbone.in_channels = 48
    torch.manual_seed(5)
    return MODELS.build(cfg.model)


@pytest.fixture(scope='module', params=VARIANTS)
def variant(request) -> str:
    return request.param


@pytest.fixture(scope='module')
def pretrained(variant) -> nn.Module:
    return pretraining(variant)


@pytest.fixture(scope='module')
def checkpoint(pretrained, variant, tmp_path_factory) -> Path:
    text = pretraining_config(variant).pretty_text
    return save_as_runner_does(pretrained, text, tmp_path_factory.mktemp('ptv3') / 'iter_7.pth')


def assert_same_encoder(found: nn.Module, wanted: nn.Module) -> None:
    for part in ('embedding', 'enc'):
        assert_same_tensors(getattr(found, part), getattr(wanted, part))


def test_detector_has_every_tensor_and_the_same_features(checkpoint, pretrained, variant, scan, tmp_path):
    export_backbone(checkpoint, tmp_path / 'backbone.pth')
    model = load_through_runner(detector(variant), tmp_path / 'backbone.pth', tmp_path / 'run').eval()
    teacher = pretrained.teacher.backbone
    assert_same_encoder(model.pts_middle_encoder.ptv3, teacher.ptv3)
    levels: list[Cloud] = []
    for encoder in (model.pts_middle_encoder.ptv3.enc, teacher.ptv3.enc):
        encoder.register_forward_hook(lambda module, given, level: levels.append(level))
    voxels = model.data_preprocessor({'inputs': {'points': [scan]}, 'data_samples': []})['inputs']['voxels']
    with torch.no_grad():
        model.extract_feat({'voxels': voxels}, [])
        teacher.ptv3(teacher.cloud_of(voxels, 1))
    found, wanted = levels
    assert wanted.feat.std() > 0
    assert torch.equal(found.feat, wanted.feat) and torch.equal(found.finer.feat, wanted.finer.feat)


def test_every_exported_name_has_a_place_in_both(checkpoint, pretrained, variant, tmp_path):
    own = len(pretrained.teacher.backbone.state_dict())
    for task in ('detection', 'segmentation'):
        export_backbone(checkpoint, tmp_path / 'x.pth', task=task)
        model = detector(variant) if task == 'detection' else segmentor(variant)
        report = fit_report(model, read_export(tmp_path / 'x.pth')['state_dict'])
        assert len(report.matched) == own and not report.unexpected and not report.wrong_shape
        assert not any('.enc.' in name or '.embedding.' in name for name in report.missing)


def test_init_cfg_with_a_prefix_loads_the_middle_encoder(checkpoint, pretrained, variant, tmp_path):
    export_backbone(checkpoint, tmp_path / 'backbone.pth')
    init_cfg = dict(type='Pretrained', checkpoint=str(tmp_path / 'backbone.pth'), prefix='pts_middle_encoder.')
    model = detector(variant, init_cfg=init_cfg)
    model.init_weights()
    assert_same_encoder(model.pts_middle_encoder.ptv3, pretrained.teacher.backbone.ptv3)


def segmentor(variant: str, **backbone) -> nn.Module:
    """PTv3 under the name `backbone`, as in every segmentor of mmdet3d."""
    ptv3 = dict(type='PTv3', in_channels=5, **settings(variant), **backbone)
    model = nn.Module()
    model.backbone = MODELS.build(ptv3)
    return model


def test_segmentation_names_are_those_of_a_segmentors_backbone(checkpoint, pretrained, variant, tmp_path):
    export_backbone(checkpoint, tmp_path / 'backbone.pth', task='segmentation')
    init_cfg = dict(type='Pretrained', checkpoint=str(tmp_path / 'backbone.pth'), prefix='backbone.')
    model = segmentor(variant, init_cfg=init_cfg)
    model.backbone.init_weights()
    assert_same_encoder(model.backbone, pretrained.teacher.backbone.ptv3)


def test_tool_writes_the_names_that_are_asked_for(tmp_path, monkeypatch):
    text = pretraining_config('m2').pretty_text
    checkpoint = save_as_runner_does(pretraining('m2'), text, tmp_path / 'iter_7.pth')
    command = ['export_backbone.py', str(checkpoint), str(tmp_path / 'out.pth'), '--for', 'segmentation']
    monkeypatch.setattr(sys, 'argv', command)
    runpy.run_path(str(ROOT / 'tools/export_backbone.py'), run_name='__main__')
    assert all(name.startswith('backbone.') for name in read_export(tmp_path / 'out.pth')['state_dict'])


def test_a_backbone_for_one_task_refuses_the_choice(tmp_path):
    cfg = Config.fromfile(ROOT / 'configs/dos/dos_pillars_synthetic.py')
    checkpoint = save_as_runner_does(MODELS.build(cfg.model), cfg.pretty_text, tmp_path / 'iter_7.pth')
    with pytest.raises(ValueError, match=r"iter_7.pth: PillarBackbone has no names for 'segmentation'; .*leave"):
        export_backbone(checkpoint, tmp_path / 'out.pth', task='segmentation')


def test_a_grid_of_other_columns_is_refused(tmp_path):
    text = pretraining_config('m2').pretty_text
    checkpoint = save_as_runner_does(
        pretraining('m2'), text.replace("'time lag [s]',", "'time lag [s]', 'ring',"), tmp_path / 'iter_7.pth'
    )
    with pytest.raises(ValueError, match='first kernel takes 5 channels, its config names 6'):
        export_backbone(checkpoint, tmp_path / 'out.pth')
