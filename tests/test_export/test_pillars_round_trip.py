"""Pretrained pillars go into mmdet3d's unmodified PointPillars CenterPoint for nuScenes, tensor for tensor."""

import copy
from pathlib import Path

import torch
from mmdet3d.registry import MODELS
from mmengine.config import Config
from torch import nn

from dos_mm3d.export.backbone import read_export
from dos_mm3d.export.loading import fit_report
from tests.helpers.round_trip import (
    assert_same_tensors,
    fixtures_of,
    load_through_runner,
    mmdet3d_config,
)

DETECTOR = 'centerpoint/centerpoint_pillar02_second_secfpn_8xb4-cyclic-20e_nus-3d.py'
PRETRAINING = Path(__file__).resolve().parents[2] / 'configs/dos/dos_pillars_nuscenes.py'


pretrained, exported = fixtures_of(PRETRAINING)


def detector(**overrides) -> nn.Module:
    torch.manual_seed(5)
    return MODELS.build(copy.deepcopy(mmdet3d_config(DETECTOR).model) | overrides)


def assert_same_pillars(model: nn.Module, teacher: nn.Module) -> None:
    assert_same_tensors(model.pts_voxel_encoder, teacher.voxel_encoder)
    assert_same_tensors(model.pts_backbone, teacher.backbone)


@torch.no_grad()
def test_load_from_gives_every_tensor_and_the_same_features(exported, pretrained, scan, tmp_path):
    model, teacher = load_through_runner(detector(), exported, tmp_path).eval(), pretrained.teacher.backbone
    assert_same_pillars(model, teacher)
    voxels = model.data_preprocessor({'inputs': {'points': [scan]}, 'data_samples': []})['inputs']['voxels']
    stages = []
    model.pts_backbone.register_forward_hook(lambda module, given, output: stages.extend(output))
    model.extract_feat({'voxels': copy.deepcopy(voxels)}, [])
    cells = voxels['coors']
    features = teacher(voxels, cells, 1)[:, 64:]
    _, _, y, x = cells.long().unbind(1)
    wanted = torch.cat([stage[0, :, y // 2**i, x // 2**i].T for i, stage in enumerate(stages, start=1)], dim=1)
    assert wanted.shape == (len(cells), 64 + 128 + 256) and wanted.std() > 0
    assert torch.equal(features, wanted)


def test_init_cfg_of_the_detector_loads_both_parts(exported, pretrained):
    model = detector(init_cfg=dict(type='Pretrained', checkpoint=str(exported)))
    model.init_weights()
    assert_same_pillars(model, pretrained.teacher.backbone)


def test_every_exported_name_has_a_place(exported, pretrained):
    export = read_export(exported)
    report = fit_report(detector(), export['state_dict'])
    assert len(report.matched) == len(pretrained.teacher.backbone.state_dict()) == 102
    assert not report.unexpected and not report.wrong_shape
    assert all(name.startswith(('pts_neck.', 'pts_bbox_head.')) for name in report.missing)
    assert (export['meta']['backbone'], export['meta']['voxel_size']) == ('PillarBackbone', [0.2, 0.2, 8])


def test_modules_and_pillars_are_those_of_mmdet3ds_config():
    ours, theirs = Config.fromfile(PRETRAINING).model, mmdet3d_config(DETECTOR).model
    for name in ('voxel_encoder', 'middle_encoder', 'backbone'):
        assert plain(ours.backbone[name]) == plain(theirs[f'pts_{name}']), name
    for key in ('voxel_size', 'point_cloud_range', 'max_num_points'):
        assert plain(ours.data_preprocessor.voxel_layer[key]) == plain(theirs.data_preprocessor.voxel_layer[key])


def plain(value):
    """Lists for tuples, and no `_scope_`, so that configs written either way compare equal."""
    if isinstance(value, dict):
        return {key: plain(item) for key, item in value.items() if key != '_scope_'}
    return [plain(item) for item in value] if isinstance(value, list | tuple) else value
