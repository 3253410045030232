"""Every DOS config is built and, at tiny size, stepped; encoders are those of the detectors they are meant for."""

import copy
from pathlib import Path
from types import SimpleNamespace

import pytest
from mmengine.config import Config
from mmengine.runner import Runner

from tests.helpers.tiny_runs import losses_of

CONFIGS = Path(__file__).resolve().parents[2] / 'configs'
DETECTORS = {
    'dos_second_synthetic': 'centerpoint_small_synthetic',
    'dos_second_nuscenes': 'centerpoint_voxel01_nuscenes',
    'dos_second_voxel0075_nuscenes': 'centerpoint_voxel0075_nuscenes',
}


def test_two_runs_in_one_process_log_to_a_folder_each(tmp_path):
    visualizer = Config.fromfile(CONFIGS / 'dos/dos_second_synthetic.py').visualizer
    for name in ('first', 'second'):
        runner = SimpleNamespace(_experiment_name=name, _log_dir=tmp_path / name)
        Runner.build_visualizer(runner, copy.deepcopy(visualizer)).add_scalar('loss', 1.0)
        assert (tmp_path / name / 'vis_data/scalars.json').is_file()


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
    assert pretraining.train_dataloader.dataset.num_sweeps == detector.train_pipeline[1].sweeps_num + 1


def test_on_semantickitti_grid_mask_and_channels_agree():
    cfg = Config.fromfile(CONFIGS / 'dos/dos_second_semantickitti.py')
    layer, mask = cfg.model.data_preprocessor.voxel_layer, cfg.train_dataloader.dataset.pipeline[1]
    assert layer.voxel_size == cfg.voxel_size
    assert layer.point_cloud_range == cfg.point_cloud_range
    backbone = cfg.model.backbone
    assert backbone.voxel_encoder.num_features == backbone.middle_encoder.in_channels == len(cfg.input_channels) == 4
    assert backbone.middle_encoder.sparse_shape == [41, 1536, 1536]
    assert mask.mask_ratio == 0.7
    assert cfg.param_scheduler[0].total_steps == cfg.train_cfg.max_iters == cfg.max_iters


def test_ptv3_for_segmentation_differs_from_that_for_detection_in_sweeps_and_mask():
    detection, segmentation = (
        Config.fromfile(CONFIGS / f'dos/{name}.py') for name in ('dos_ptv3_nuscenes', 'dos_ptv3_segmentation_nuscenes')
    )
    assert detection.model == segmentation.model
    first, second = detection.train_dataloader.dataset, segmentation.train_dataloader.dataset
    assert {key for key in first if first[key] != second[key]} == {'num_sweeps', 'pipeline'}
    assert (second.num_sweeps, second.pipeline[1].mask_ratio) == (1, 0.7)
    assert first.pipeline == [second.pipeline[0], {**second.pipeline[1], 'mask_ratio': 0.6}, second.pipeline[2]]


@pytest.mark.parametrize('name', [*DETECTORS, 'dos_second_folder', 'dos_second_semantickitti'])
def test_two_steps_at_tiny_size(name, synthetic_nuscenes, synthetic_semantickitti, tiny_pretraining):
    root = synthetic_nuscenes / 'sweeps' if name == 'dos_second_folder' else synthetic_nuscenes
    options = {}
    if name == 'dos_second_semantickitti':
        root, options = synthetic_semantickitti, {'sequences': [0, 1]}
    runner = tiny_pretraining(CONFIGS / f'dos/{name}.py', root, max_points=6000, options=options)
    before = runner.model.teacher.backbone.middle_encoder.conv_out[0].weight.clone()
    runner.train()
    assert len(losses_of(runner)) == 2
    assert not before.equal(runner.model.teacher.backbone.middle_encoder.conv_out[0].weight), 'the teacher did not move'
