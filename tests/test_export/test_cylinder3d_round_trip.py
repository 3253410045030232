"""A pretrained Cylinder3D goes into mmdet3d's unmodified Cylinder3D for SemanticKITTI, tensor for tensor."""

import copy
import inspect
from pathlib import Path

import pytest
import torch
from mmdet3d.models.voxel_encoders import SegVFE
from mmdet3d.registry import MODELS
from mmdet3d.structures import Det3DDataSample, PointData
from mmengine.config import Config
from torch import nn

from dos_mm3d.export.backbone import export_backbone, read_export
from dos_mm3d.export.loading import fit_report
from tests.helpers.round_trip import (
    assert_same_tensors,
    load_through_runner,
    mmdet3d_config,
    randomise,
    save_as_runner_does,
)

SEGMENTOR = 'cylinder3d/cylinder3d_4xb4-3x_semantickitti.py'
PRETRAINING = Path(__file__).resolve().parents[2] / 'configs/dos/dos_cylinder3d_semantickitti.py'
PARTS = ('voxel_encoder', 'backbone')


@pytest.fixture(scope='module')
def teacher() -> nn.Module:
    """The backbone of our SemanticKITTI config, full size, every weight and statistic a value of its own."""
    torch.manual_seed(100)
    backbone = MODELS.build(Config.fromfile(PRETRAINING).model.backbone)
    randomise(backbone)
    return backbone.eval()


@pytest.fixture(scope='module')
def exported(teacher, tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp('cylinder3d')
    pretrained = nn.ModuleDict(dict(teacher=nn.ModuleDict(dict(backbone=teacher))))
    checkpoint = save_as_runner_does(pretrained, Config.fromfile(PRETRAINING).pretty_text, folder / 'iter_7.pth')
    export_backbone(checkpoint, folder / 'backbone.pth')
    checkpoint.unlink()  # 220 MB
    return folder / 'backbone.pth'


def segmentor(**overrides) -> nn.Module:
    torch.manual_seed(5)
    return MODELS.build(copy.deepcopy(mmdet3d_config(SEGMENTOR).model) | overrides).eval()


def scan() -> torch.Tensor:
    """(150, 4) x, y, z in metres, intensity 0-1; some beyond the range."""
    generator = torch.Generator().manual_seed(3)
    points = torch.randn(150, 4, generator=generator) * torch.tensor([2, 2, 0.7, 0.2])
    points[:10, :2] += 45
    return points


def voxels_of(model: nn.Module) -> dict[str, torch.Tensor]:
    sample = Det3DDataSample(gt_pts_seg=PointData())
    return model.data_preprocessor({'inputs': {'points': [scan()]}, 'data_samples': [sample]})['inputs']['voxels']


@torch.no_grad()
def test_load_from_gives_every_tensor_and_the_same_features(exported, teacher, tmp_path):
    model = load_through_runner(segmentor(), exported, tmp_path).eval()
    for part in PARTS:
        assert_same_tensors(getattr(model, part), getattr(teacher, part))
    voxels = voxels_of(model)
    found = model.extract_feat(dict(voxels=voxels, points=[scan()]))
    assert found.features.shape[1] == 128 and found.features.std() > 0

    # one loss voxel for each point, so that its feature is that of its sector, behind the coarser stages
    number = torch.arange(len(scan()))
    cells = nn.functional.pad(number[:, None], (3, 0))
    ours = teacher({**voxels, 'loss_cell': number}, cells, 1)
    assert ours.shape == (len(scan()), teacher.out_channels) == (len(scan()), 512 + 256 + 128 + 128)
    row_of = {tuple(site): row for row, site in enumerate(found.indices.tolist())}
    rows = torch.tensor([row_of[tuple(site)] for site in voxels['coors'].tolist()])
    assert torch.equal(ours[:, -128:], found.features[rows])


def test_init_cfg_of_the_segmentor_and_of_its_parts(exported, teacher):
    whole = segmentor(init_cfg=dict(type='Pretrained', checkpoint=str(exported)))
    whole.init_weights()
    for part in PARTS:
        assert_same_tensors(getattr(whole, part), getattr(teacher, part))
    config = copy.deepcopy(mmdet3d_config(SEGMENTOR).model.backbone)
    backbone = MODELS.build(
        config | dict(init_cfg=dict(type='Pretrained', checkpoint=str(exported), prefix='backbone.'))
    )
    backbone.init_weights()
    assert_same_tensors(backbone, teacher.backbone)


def test_every_exported_name_has_a_place_and_nothing_but_the_head_is_missing(exported, teacher):
    export = read_export(exported)
    report = fit_report(segmentor(), export['state_dict'])
    assert len(report.matched) == len(teacher.state_dict()) == len(export['state_dict'])
    assert not report.unexpected and not report.wrong_shape
    assert all(name.startswith('decode_head.') for name in report.missing)
    assert (export['meta']['backbone'], export['meta']['voxel_size']) == ('Cylinder3DAdapter', [0.2, 0.2, 0.2])


def test_kernels_lie_in_the_file_as_mmcvs_modules_have_them(exported):
    """(kD, kH, kW, in, out) as in spconv 1: mmdet3d's loader permutes kernels of spconv 2 and leaves mmcv's alone."""
    weights = read_export(exported)['state_dict']
    shapes = {tuple(value.shape[:3]) for value in weights.values() if value.ndim == 5}
    assert shapes == {(1, 3, 3), (3, 1, 3), (3, 3, 3), (3, 1, 1), (1, 3, 1), (1, 1, 3)}
    assert weights['backbone.down_context.conv0_0.weight'].shape == (1, 3, 3, 16, 32)


def test_our_full_size_config_is_mmdet3ds_model():
    ours, theirs = Config.fromfile(PRETRAINING).model, mmdet3d_config(SEGMENTOR).model
    unsaid = inspect.signature(SegVFE).parameters['point_cloud_range'].default  # mmdet3d's config leaves it out
    assert ours.backbone.backbone == theirs.backbone
    assert ours.backbone.voxel_encoder == {**theirs.voxel_encoder, 'point_cloud_range': list(unsaid)}
    for key in ('voxel', 'voxel_type', 'voxel_layer'):
        assert ours.data_preprocessor[key] == theirs.data_preprocessor[key]
