"""Cylinder3D's pretraining configs: built, stepped at tiny size, and of one mind about what is fed to the encoder."""

from pathlib import Path

import pytest
from mmengine.config import Config

from tests.helpers.tiny_runs import losses_of

CONFIGS = Path(__file__).resolve().parents[2] / 'configs/dos'
# the full-size encoder would take minutes on one core
SMALL = {
    'model.backbone.voxel_encoder.feat_channels': [8, 8],
    'model.backbone.backbone.base_channels': 4,
    'auto_scale_lr.enable': False,
    'sequences': [0, 1],
}
OPTIONS = {'dos_cylinder3d_synthetic': {}, 'dos_cylinder3d_semantickitti': SMALL}


@pytest.mark.parametrize('name', OPTIONS)
def test_two_steps_at_tiny_size(name, synthetic_nuscenes, synthetic_semantickitti, tiny_pretraining):
    root = synthetic_nuscenes if name.endswith('synthetic') else synthetic_semantickitti
    runner = tiny_pretraining(CONFIGS / f'{name}.py', root, max_points=1500, options=OPTIONS[name])
    teacher = runner.model.teacher.backbone
    before = {key: value.clone() for key, value in teacher.named_parameters()}
    runner.train()
    assert len(losses_of(runner)) == 2
    still = [key for key, value in teacher.named_parameters() if value.equal(before[key])]
    assert not still, 'all of the teacher follows'


@pytest.mark.parametrize('name', OPTIONS)
def test_masks_voxels_and_encoder_are_of_one_grid(name):
    cfg = Config.fromfile(CONFIGS / f'{name}.py')
    mask, fed = cfg.train_dataloader.dataset.pipeline[1], cfg.model.data_preprocessor
    assert dict(fed.loss_grid) == dict(point_cloud_range=cfg.point_cloud_range, voxel_size=cfg.voxel_size)
    assert mask.mask_ratio == 0.7
    encoder, backbone = cfg.model.backbone.voxel_encoder, cfg.model.backbone.backbone
    assert list(backbone.grid_size) == list(fed.voxel_layer.grid_shape)
    assert list(encoder.get('grid_shape', [480, 360, 32])) == list(backbone.grid_size)
    assert encoder.feat_compression == backbone.input_channels
    assert encoder.in_channels == len(cfg.input_channels) + 2


def test_the_tiny_encoder_knows_the_range_of_its_cylinders():
    cfg = Config.fromfile(CONFIGS / 'dos_cylinder3d_synthetic.py')
    assert (
        cfg.model.backbone.voxel_encoder.point_cloud_range == cfg.model.data_preprocessor.voxel_layer.point_cloud_range
    )
