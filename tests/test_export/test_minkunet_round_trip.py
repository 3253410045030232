"""A pretrained MinkUNet goes into mmdet3d's unmodified MinkUNet for SemanticKITTI, tensor for tensor."""

import copy
from pathlib import Path

import pytest
import torch
from mmdet3d.registry import MODELS
from mmdet3d.structures import Det3DDataSample, PointData
from mmengine.config import Config
from torch import nn
from torch.testing import assert_close

from dos_mm3d.export.backbone import export_backbone, read_export
from dos_mm3d.export.loading import fit_report
from dos_mm3d.models.backbones import MinkUNetAdapter
from tests.helpers.loss_voxels import features_at_cells
from tests.helpers.round_trip import (
    assert_same_tensors,
    fixtures_of,
    load_through_runner,
    mmdet3d_config,
    save_as_runner_does,
)

SEGMENTOR = 'minkunet/minkunet34_w32_spconv_8xb2-laser-polar-mix-3x_semantickitti.py'
PRETRAINING = Path(__file__).resolve().parents[2] / 'configs/dos/dos_minkunet_semantickitti.py'


pretrained, exported = fixtures_of(PRETRAINING)


def segmentor(**overrides) -> nn.Module:
    torch.manual_seed(5)
    return MODELS.build(copy.deepcopy(mmdet3d_config(SEGMENTOR).model) | overrides)


def scan() -> torch.Tensor:
    """(3000, 4) x, y, z in metres, intensity 0-1; extents of a multiple of 16 voxels: see MinkUNetAdapter.decode."""
    generator = torch.Generator().manual_seed(3)
    points = torch.rand(3000, 4, generator=generator) * torch.tensor([3.1, 3.1, 0.7, 1.0])
    corner = torch.tensor([63, 63, 15]) * 0.05
    points[0, :3], points[1, :3] = 0, corner
    return points


@torch.no_grad()
def test_load_from_gives_every_tensor_and_the_same_features(exported, pretrained, tmp_path):
    detector = load_through_runner(segmentor(), exported, tmp_path).eval()
    teacher: MinkUNetAdapter = pretrained.teacher.backbone
    assert_same_tensors(detector.backbone, teacher.backbone)
    sample = Det3DDataSample(gt_pts_seg=PointData())
    points = scan()
    voxels = detector.data_preprocessor({'inputs': {'points': [points]}, 'data_samples': [sample]})['inputs']['voxels']
    ours = dict(voxels=voxels['voxels'], coors=voxels['coors'][:, [0, 3, 2, 1]])
    features = detector.extract_feat({'voxels': voxels})
    assert features.shape == (len(voxels['coors']), 96) and features.std() > 0
    stage = teacher.decode(ours, torch.zeros(3, dtype=torch.int32), 1)[-1]
    assert torch.equal(stage.indices, voxels['coors'])
    assert torch.equal(stage.features, features)
    parents = torch.cat((ours['coors'][:, :1], ours['coors'][:, 1:] // teacher.loss_stride), dim=1)
    cells = parents.unique(dim=0)[::50]
    for cell, found in zip(cells, features_at_cells(teacher, ours, cells, 1), strict=True):
        assert_close(found[:96], features[(parents == cell).all(1)].mean(0))
    assert not torch.equal(segmentor().eval().extract_feat({'voxels': voxels}), features)


def test_init_cfg_of_the_segmentor_and_of_its_backbone(exported, pretrained):
    whole = segmentor(init_cfg=dict(type='Pretrained', checkpoint=str(exported)))
    whole.init_weights()
    assert_same_tensors(whole.backbone, pretrained.teacher.backbone.backbone)
    model = copy.deepcopy(mmdet3d_config(SEGMENTOR).model)
    model.backbone.init_cfg = dict(type='Pretrained', checkpoint=str(exported), prefix='backbone.')
    part = MODELS.build(model)
    part.init_weights()
    assert_same_tensors(part.backbone, pretrained.teacher.backbone.backbone)


def test_every_exported_name_has_a_place_and_nothing_but_the_head_is_missing(exported, pretrained):
    export = read_export(exported)
    report = fit_report(segmentor(), export['state_dict'])
    assert len(report.matched) == len(pretrained.teacher.backbone.state_dict()) == 378
    assert not report.unexpected and not report.wrong_shape
    assert all(name.startswith('decode_head.') for name in report.missing)
    assert (export['meta']['backbone'], export['meta']['voxel_size']) == ('MinkUNetAdapter', [0.05, 0.05, 0.05])


def test_our_full_size_config_is_mmdet3ds_backbone():
    ours, theirs = Config.fromfile(PRETRAINING), mmdet3d_config(SEGMENTOR)
    assert ours.model.backbone.backbone == theirs.model.backbone
    for key in ('voxel_size', 'point_cloud_range', 'max_num_points', 'max_voxels'):
        assert ours.model.data_preprocessor.voxel_layer[key] == theirs.model.data_preprocessor.voxel_layer[key]
    for key in ('voxel', 'voxel_type'):
        assert ours.model.data_preprocessor[key] == theirs.model.data_preprocessor[key]


@pytest.mark.parametrize('name', ['dos_minkunet_nuscenes', 'dos_minkunet_semantickitti'])
def test_full_size_differs_from_mmdet3d_in_the_columns_only(name):
    ours = Config.fromfile(PRETRAINING.with_name(f'{name}.py'))
    theirs = mmdet3d_config(SEGMENTOR).model.backbone
    assert ours.model.backbone.backbone == {**theirs, 'in_channels': len(ours.input_channels)}


def test_a_config_of_other_columns_is_refused(tmp_path):
    text = Config.fromfile(PRETRAINING).pretty_text.replace("'intensity 0-1',", "'intensity 0-1', 'ring',")
    small = Config.fromfile(PRETRAINING.parents[1] / 'minkunet/_base_sizes.py').minkunet.tiny
    model = nn.ModuleDict(dict(teacher=nn.ModuleDict(dict(backbone=MinkUNetAdapter(small)))))
    checkpoint = save_as_runner_does(model, text, tmp_path / 'iter_7.pth')
    with pytest.raises(ValueError, match='first kernel takes 4 channels, its config names 5'):
        export_backbone(checkpoint, tmp_path / 'out.pth')
