"""SECOND's encoder pretrained on Waymo goes into CenterPoint's Waymo config, tensor for tensor, and sees the same."""

from pathlib import Path

import torch
from mmdet3d.registry import DATASETS, MODELS
from mmengine.config import Config
from torch import nn

from dos_mm3d.export.backbone import read_export
from dos_mm3d.export.loading import fit_report
from tests.helpers.round_trip import assert_same_tensors, fixtures_of, load_through_runner

CONFIGS = Path(__file__).resolve().parents[2] / 'configs'
PRETRAINING = CONFIGS / 'dos/dos_second_waymo.py'
DETECTOR = CONFIGS / 'centerpoint/centerpoint_voxel01_waymo.py'


pretrained, exported = fixtures_of(PRETRAINING)


def detector() -> nn.Module:
    torch.manual_seed(5)
    return MODELS.build(Config.fromfile(DETECTOR).model)


@torch.no_grad()
def test_detector_has_every_tensor_and_the_same_features_of_a_frame(exported, pretrained, synthetic_waymo, tmp_path):
    model = load_through_runner(detector(), exported, tmp_path).eval()
    teacher = pretrained.teacher.backbone
    assert_same_tensors(model.pts_middle_encoder, teacher.middle_encoder)
    source = Config.fromfile(PRETRAINING).train_dataloader.dataset
    sweeps = DATASETS.build({**source, 'data_root': str(synthetic_waymo), 'pipeline': []})
    points, _ = sweeps.load(0)
    maps = []
    for preprocessor, voxels, middle in (
        (model.data_preprocessor, model.pts_voxel_encoder, model.pts_middle_encoder),
        (pretrained.data_preprocessor, teacher.voxel_encoder, teacher.middle_encoder),
    ):
        voxelised = preprocessor.eval().voxelize([points], [])
        features = voxels(voxelised['voxels'], voxelised['num_points'], voxelised['coors'])
        maps.append(middle(features, voxelised['coors'], 1))
    assert maps[0].shape == (1, 256, 188, 188) and maps[0].abs().amax() > 0
    torch.testing.assert_close(maps[0], maps[1])


def test_export_fits_the_encoder_and_nothing_else_of_the_detector(exported):
    model = detector()
    report = fit_report(model, read_export(exported)['state_dict'])
    encoder = {name for name in model.state_dict() if name.startswith('pts_middle_encoder.')}
    assert set(report.matched) == encoder and not report.unexpected and not report.wrong_shape
