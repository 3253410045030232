"""Waymo: pretraining feeds the detectors their channels on their grid, and every config steps on the miniature; the
detectors are tested with Waymo's metric."""

from pathlib import Path

import numpy as np
import pytest
import torch
from mmdet3d.registry import DATASETS
from mmengine.config import Config, ConfigDict
from mmengine.runner import Runner

from dos_mm3d.datasets.splits import cut_scenes
from dos_mm3d.engine.config_overrides import load_with_overrides
from tests.helpers.tiny_runs import losses_of

CONFIGS = Path(__file__).resolve().parents[2] / 'configs'
PRETRAINING = {'dos_second_waymo': 'centerpoint_voxel01_waymo', 'dos_ptv3_waymo': 'centerpoint_ptv3_waymo'}
RANGE = [-25.6, -25.6, -2.0, 25.6, 25.6, 4.0]
NARROW_PTV3 = {'channels': [16, 16, 32, 32, 64], 'heads': [1, 1, 2, 2, 4]}


def load(name: str, **options) -> Config:
    folder = 'dos' if name.startswith('dos') else 'centerpoint'
    return load_with_overrides(CONFIGS / folder / f'{name}.py', options)


def narrow(ptv3: str) -> dict:
    return {f'{ptv3}.encoder.{key}': value for key, value in NARROW_PTV3.items()}


def test_the_embedded_sets_pretrain_one_encoder_on_scenes_that_no_probe_is_trained_on():
    ours, nuscenes = load('dos_second_synthetic_waymo'), load('dos_second_synthetic')
    assert ours.model.backbone == nuscenes.model.backbone
    assert ours.model.data_preprocessor.voxel_layer.point_cloud_range == ours.point_cloud_range
    low, high = np.reshape(ours.point_cloud_range, (2, 3)) - np.reshape(nuscenes.point_cloud_range, (2, 3))
    assert low.tolist() == high.tolist() == [0, 0, 2]  # z from the road, not from the sensor
    left = cut_scenes([f'0{number:03d}' for number in range(10)])['pretrain']
    assert [f'0{number:03d}' for number in ours.train_dataloader.dataset.segments] == left


@pytest.mark.parametrize('name', PRETRAINING)
def test_pretraining_has_the_encoder_grid_and_channels_of_its_detector(name):
    ours, theirs = load(name), load(PRETRAINING[name])
    for key in ('data_root', 'input_channels', 'point_cloud_range', 'voxel_size'):
        assert ours[key] == theirs[key], key
    backbone, detector = ours.model.backbone, theirs.model
    assert backbone.voxel_encoder == detector.pts_voxel_encoder
    if name == 'dos_second_waymo':
        assert backbone.middle_encoder == detector.pts_middle_encoder
        assert backbone.middle_encoder.sparse_shape == [41, 1504, 1504]  # 6 m in 0.15 m, and one; 150.4 m in 0.1 m
    else:
        ptv3 = {key: value for key, value in detector.pts_middle_encoder.ptv3.items() if key != 'decoder'}
        assert backbone.ptv3 == ptv3 and len(ptv3['input_scale']) == len(ours.input_channels)
    layer, mask = ours.model.data_preprocessor.voxel_layer, ours.train_dataloader.dataset.pipeline[1]
    for key in ('voxel_size', 'point_cloud_range'):
        assert layer[key] == ours[key] == detector.data_preprocessor.voxel_layer[key]
    assert layer.max_num_points == detector.data_preprocessor.voxel_layer.max_num_points
    assert (mask.mask_ratio, mask.block_size_m) == (0.6, 1.0)


def test_segmentation_masks_seventy_percent_of_the_same_frames():
    ours, second = load('dos_minkunet_waymo'), load('dos_second_waymo')
    mask = ours.train_dataloader.dataset.pipeline[1]
    assert (mask.mask_ratio, mask.block_size_m) == (0.7, 1.0)
    assert ours.model.data_preprocessor.voxel_layer.voxel_size == ours.voxel_size
    assert ours.model.backbone.backbone.in_channels == len(ours.input_channels) == 5
    for key in ('type', 'data_root', 'splits'):
        assert ours.train_dataloader.dataset[key] == second.train_dataloader.dataset[key]
    for cfg in (ours, second, load('dos_ptv3_waymo')):
        assert cfg.param_scheduler[0].total_steps == cfg.train_cfg.max_iters == cfg.max_iters


@pytest.mark.parametrize('name', PRETRAINING)
def test_pretraining_reads_the_very_points_that_the_detector_does(name, synthetic_waymo):
    root = f'{synthetic_waymo}/'
    ours, theirs = load(name, data_root=root), load(PRETRAINING[name], data_root=root)
    sweeps = DATASETS.build({**ours.train_dataloader.dataset, 'pipeline': []})
    dataset = theirs.test_dataloader.dataset
    dataset.update(ann_file='waymo_infos_train.pkl', pipeline=dataset.pipeline[:1] + dataset.pipeline[-1:])
    detector = DATASETS.build(dataset)
    for index in range(len(sweeps)):
        assert sweeps.load(index)[0].equal(detector[index]['inputs']['points'])


@pytest.mark.parametrize('name', PRETRAINING.values())
def test_twenty_percent_of_the_labels_or_all_of_them(name):
    def frames(**options) -> tuple[int, int]:
        data = load(name, **options).train_dataloader.dataset
        return data.dataset.load_interval, data.times

    assert frames() == (5, 2) and frames(load_interval=1, repeat_times=1) == (1, 1)
    steps = [step.type for step in load(name).train_pipeline]
    assert steps.index('DropNoLabelZone') < steps.index('ObjectSample') < steps.index('RandomFlip3D')
    assert [step.type for step in load(name, gt_sampling=False).train_pipeline] == [
        step for step in steps if step != 'ObjectSample'
    ]
    moved = load(name, data_root='elsewhere/')
    places = [moved.train_pipeline[steps.index('ObjectSample')].db_sampler, moved.train_dataloader.dataset.dataset]
    places += [moved.val_dataloader.dataset, moved.test_dataloader.dataset]
    assert [place.data_root for place in places] == ['elsewhere/'] * 4
    assert moved.val_evaluator == moved.test_evaluator
    assert moved.test_evaluator == dict(type='WaymoDetMetric', ann_file='elsewhere/waymo_infos_val.pkl')


def tiny_detector(name: str, root: Path, work_dir: Path) -> Runner:
    """On a small grid, at a width that a CPU can step; the head's threshold at 0, so that something is found."""
    options = {'data_root': f'{root}/', 'point_cloud_range': RANGE, 'load_interval': 1, 'repeat_times': 1}
    options['voxel_size'] = [0.4, 0.4, 0.15 if name == 'centerpoint_voxel01_waymo' else 0.4]
    if name == 'centerpoint_ptv3_waymo':
        options |= narrow('model.pts_middle_encoder.ptv3')
    cfg = load(name, **options)
    cfg.model.pts_bbox_head.bbox_coder.update(score_threshold=0.0, max_num=50)
    for loader in (cfg.train_dataloader, cfg.test_dataloader):
        loader.update(batch_size=2, num_workers=0, persistent_workers=False)
    cfg.update(work_dir=str(work_dir), experiment_name=f'{name}_{work_dir.name}', param_scheduler=[])
    cfg.update(val_cfg=None, val_dataloader=None, val_evaluator=None, randomness=dict(seed=0))
    cfg.train_cfg = dict(type='IterBasedTrainLoop', max_iters=2)
    cfg.default_hooks = ConfigDict(checkpoint=None, logger=dict(type='LoggerHook', interval=1))
    cfg.log_processor = dict(by_epoch=False)
    return Runner.from_cfg(cfg)


@pytest.mark.slow
@pytest.mark.parametrize('name', PRETRAINING.values())
def test_detector_trains_two_steps_and_is_tested_with_waymos_metric(name, synthetic_waymo, tmp_path):
    runner = tiny_detector(name, synthetic_waymo, tmp_path)
    before = {key: value.clone() for key, value in runner.model.named_parameters()}
    runner.train()
    assert len(losses_of(runner)) == 2
    still = [key for key, value in runner.model.named_parameters() if torch.equal(value, before[key])]
    assert still == []
    metrics = runner.test()
    numbers = np.array([value for key, value in metrics.items() if key.startswith('Waymo/')])
    assert len(numbers) == 4 + 3 * 4 * 2 * 2
    assert (numbers >= 0).all() and (numbers < 0.2).all(), 'an untrained detector guesses'
    assert 'Waymo/RANGE_TYPE_PEDESTRIAN_[30, 50)_LEVEL_2/APH' in metrics


@pytest.mark.parametrize('name', [*PRETRAINING, 'dos_minkunet_waymo'])
def test_pretraining_steps_twice_at_tiny_size(name, synthetic_waymo, tiny_pretraining):
    options = {'point_cloud_range': RANGE}
    if name == 'dos_ptv3_waymo':
        options |= narrow('model.backbone.ptv3')
    if name == 'dos_minkunet_waymo':
        table = Config.fromfile(CONFIGS / 'minkunet/_base_sizes.py').minkunet.tiny
        options['model.backbone.backbone'] = {**table, 'in_channels': 5}
    runner = tiny_pretraining(CONFIGS / f'dos/{name}.py', synthetic_waymo, options=options)
    before = [value.clone() for value in runner.model.teacher.parameters()]
    runner.train()
    assert len(losses_of(runner)) == 2
    moved = [not old.equal(new) for old, new in zip(before, runner.model.teacher.parameters())]
    assert all(moved), 'a part of the teacher did not move'
