"""Every DOS config is built and, at tiny size, stepped; encoders are those of the detectors they are meant for."""

from pathlib import Path

import pytest
from mmengine.config import Config
from tiny_runs import losses_of

CONFIGS = Path(__file__).resolve().parents[2] / 'configs'
DETECTORS = dict(
    dos_second_synthetic='centerpoint_small_synthetic',
    dos_second_nuscenes='centerpoint_voxel01_nuscenes',
)


def test_every_dos_config_is_named_by_a_test():
    """Here, or beside its backbone in test_models."""
    beside = [path.read_text() for path in Path(__file__).parents[1].glob('test_models/test_*.py')]
    names = {path.stem for path in (CONFIGS / 'dos').glob('*.py')} - {*DETECTORS, 'dos_second_folder'}
    assert [name for name in names if not any(f"'{name}'" in text for text in beside)] == []


@pytest.mark.parametrize('name', DETECTORS)
def test_encoder_and_channels_are_the_detectors(name):
    pretraining = Config.fromfile(CONFIGS / f'dos/{name}.py')
    detector = Config.fromfile(CONFIGS / f'centerpoint/{DETECTORS[name]}.py')
    assert pretraining.model.backbone.middle_encoder == detector.model.pts_middle_encoder
    assert pretraining.model.backbone.voxel_encoder == detector.model.pts_voxel_encoder
    for key in ('voxel_size', 'point_cloud_range', 'max_num_points'):
        assert pretraining.model.data_preprocessor.voxel_layer[key] == detector.model.data_preprocessor.voxel_layer[key]
    for key in ('input_channels', 'voxel_size', 'point_cloud_range'):
        assert pretraining[key] == detector[key]
    mask = pretraining.train_dataloader.dataset.pipeline[1]
    assert (mask.voxel_size, mask.point_cloud_range) == (pretraining.voxel_size, pretraining.point_cloud_range)
    assert pretraining.train_dataloader.dataset.num_sweeps == detector.train_pipeline[1].sweeps_num + 1


@pytest.mark.parametrize('name', [*DETECTORS, 'dos_second_folder'])
def test_two_steps_at_tiny_size(name, synthetic_nuscenes, tiny_pretraining):
    root = synthetic_nuscenes / 'sweeps' if name == 'dos_second_folder' else synthetic_nuscenes
    runner = tiny_pretraining(CONFIGS / f'dos/{name}.py', root, max_points=6000)
    before = runner.model.teacher.backbone.middle_encoder.conv_out[0].weight.clone()
    runner.train()
    assert len(losses_of(runner)) == 2
    assert not before.equal(runner.model.teacher.backbone.middle_encoder.conv_out[0].weight), 'the teacher did not move'
