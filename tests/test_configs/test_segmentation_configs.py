"""Segmentation configs fit their data and train the parts that they should; test-time augmentation by hand."""

import copy
import json
import runpy
import shutil
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from mmdet3d.models.segmentors import Seg3DTTAModel
from mmdet3d.registry import DATASETS, MODELS
from mmengine.config import Config, ConfigDict
from mmengine.dataset import pseudo_collate
from mmengine.runner import Runner

import dos_mm3d  # noqa: F401  (registers our classes)
from dos_mm3d.miniatures.worlds import thin_nuscenes, thin_semantickitti
from tests.helpers.tiny_runs import losses_of

FOLDER = Path(__file__).resolve().parents[2] / 'configs' / 'segmentation'
ELSEWHERE = {'spvcnn_semantickitti'}  # its adapter's tests
# those of the weights that ship: test_zoo_configs.py
CONFIGS = [
    path for path in sorted(FOLDER.glob('*.py')) if path.stem not in ELSEWHERE and not path.stem.endswith('_zoo')
]
SMALL_ENCODER = dict(channels=[8, 16, 24], depths=[1, 1, 1], heads=[1, 2, 2], patch_sizes=64)
SMALL_DECODER = dict(channels=[8, 16], depths=[1, 1], heads=[1, 2])
POINTS = 900  # of a scan
PARTS = dict(linear_probe='backbone', decoder_probe='encoder', finetune=None)


@pytest.fixture(scope='module')
def worlds(
    synthetic_nuscenes, synthetic_semantickitti, synthetic_waymo, synthetic_scannet, tmp_path_factory
) -> dict[str, Path]:
    folder = tmp_path_factory.mktemp('thin')
    nuscenes = thin_nuscenes(shutil.copytree(synthetic_nuscenes, folder / 'nuscenes'), POINTS)
    kitti = thin_semantickitti(shutil.copytree(synthetic_semantickitti, folder / 'semantickitti'), POINTS)
    rooms = dict(scannet=synthetic_scannet, scannet200=synthetic_scannet)
    return dict(synthetic=nuscenes, nuscenes=nuscenes, semantickitti=kitti, waymo=synthetic_waymo, **rooms)


def tiny(path: Path, worlds: dict[str, Path], work_dir: Path) -> Config:
    """The config at a size that one CPU core steps: small network, coarse grid, trimmed data."""
    cfg = Config.fromfile(path)
    for loader in (cfg.train_dataloader, cfg.test_dataloader):
        loader.update(num_workers=0, persistent_workers=False)
        loader.dataset.data_root = f'{worlds[path.stem.split("_")[-1]]}/'
    if 'labelled_scenes' in cfg.train_dataloader.dataset:
        cfg.train_dataloader.dataset.labelled_scenes = 1
    if cfg.model.type == 'PTv3Segmentor':
        cfg.model.voxel_size = [0.4] * 3
        cfg.model.backbone.encoder = SMALL_ENCODER
        if cfg.model.backbone.decoder is not None:
            cfg.model.backbone.decoder = SMALL_DECODER
    else:
        sizes = Config.fromfile(FOLDER.parent / 'minkunet/_base_sizes.py').minkunet.tiny
        cfg.model.backbone.update(sizes, in_channels=cfg.model.backbone.in_channels)
        cfg.model.decode_head.channels = sizes.decoder_channels[-1]
    cfg.train_dataloader.batch_size = 1
    cfg.train_dataloader.sampler = dict(type='InfiniteSampler', shuffle=True)
    cfg.train_cfg = dict(type='IterBasedTrainLoop', max_iters=2)
    cfg.param_scheduler = []
    cfg.update(val_cfg=None, val_dataloader=None, val_evaluator=None, visualizer=None)
    cfg.default_hooks = ConfigDict(checkpoint=None, logger=dict(type='LoggerHook', interval=1))
    cfg.log_processor = dict(by_epoch=False)
    cfg.update(work_dir=str(work_dir), experiment_name=f'{path.stem}_{work_dir.name}', randomness=dict(seed=0))
    return cfg


@pytest.fixture
def unformatted(monkeypatch) -> None:
    """The runner formats the config's text five times, which takes longer than the two steps."""
    monkeypatch.setattr(Config, 'pretty_text', '')


@pytest.mark.usefixtures('unformatted')
@pytest.mark.parametrize('path', [path for path in CONFIGS if 'synthetic' in path.stem], ids=lambda path: path.stem)
def test_config_trains_two_steps_and_is_tested(path, worlds, tmp_path):
    cfg = tiny(path, worlds, tmp_path)
    runner = Runner.from_cfg(cfg)
    before = {name: value.clone() for name, value in runner.model.named_parameters()}
    runner.train()
    assert len(losses_of(runner)) == 2
    moved = {name for name, value in runner.model.named_parameters() if not torch.equal(value, before[name])}
    protocol = path.stem.removeprefix('ptv3_').rsplit('_', 1)[0]
    part = PARTS.get(protocol)
    assert any(name.startswith('decode_head.') for name in moved)
    assert any(name.startswith(('backbone.enc.', 'backbone.encoder.')) for name in moved) == (part is None)
    assert any(name.startswith(('backbone.dec.', 'backbone.decoder.')) for name in moved) == (part != 'backbone')
    metrics = runner.test()
    classes = runner.test_dataloader.dataset.metainfo['classes']
    assert len(classes) == cfg.num_classes and set(classes) < set(metrics)
    assert 0 <= metrics['miou'] < 1 and 0 <= metrics['acc'] < 1


@pytest.mark.parametrize('path', CONFIGS, ids=lambda path: path.stem)
def test_config_says_what_it_is_and_fits_its_data(path):
    header = path.read_text().split('"""')[1]
    assert all(f'{word}:' in header for word in ('Command', 'Hardware', 'Expected'))
    assert f'configs/segmentation/{path.name}' in header
    cfg = Config.fromfile(path)
    assert cfg.model.backbone.in_channels == len(cfg.input_channels)
    assert cfg.model.decode_head.num_classes == cfg.model.decode_head.ignore_index == cfg.num_classes
    if path.stem.startswith('ptv3'):
        protocol = path.stem.removeprefix('ptv3_').rsplit('_', 1)[0]
        assert cfg.model.get('frozen') == PARTS[protocol]
        assert (cfg.model.backbone.decoder is None) == (protocol == 'linear_probe')
        assert cfg.optim_wrapper.get('constructor') == ('LayerDecay' if protocol == 'finetune' else None)


def test_protocols_and_data_sets_make_a_full_table():
    data_sets = ('synthetic', 'nuscenes', 'semantickitti', 'waymo', 'scannet', 'scannet200')
    names = {f'ptv3_{protocol}_{data}' for protocol in PARTS for data in data_sets}
    outdoor = {'minkunet_small_synthetic', 'minkunet_nuscenes', 'minkunet_semantickitti'}
    others = outdoor | {'minkunet_waymo', 'minkunet_scannet', 'minkunet_scannet200'}
    assert {path.stem for path in CONFIGS} == names | others


@pytest.mark.parametrize('data', ['synthetic', 'nuscenes', 'semantickitti', 'waymo', 'scannet'])
def test_pretraining_and_segmentation_share_encoder_grid_and_channels(data):
    """Only the sweeps differ: pretraining reads older ones too unless it is told num_sweeps=1."""
    pretraining = Config.fromfile(FOLDER.parent / 'dos' / f'dos_ptv3_{data}.py')
    downstream = Config.fromfile(FOLDER / f'ptv3_linear_probe_{data}.py')
    for key in ('encoder', 'variant', 'in_channels', 'input_scale', 'type'):
        assert pretraining.model.backbone.ptv3[key] == downstream.model.backbone[key]
    assert list(pretraining.voxel_size) == list(downstream.voxel_size) == list(downstream.model.voxel_size)
    assert pretraining.input_channels == downstream.input_channels


def test_small_minkunet_is_mmdet3ds_with_the_backbone_of_its_pretraining():
    from mmdet3d.models.segmentors import MinkUNet

    pretraining = Config.fromfile(FOLDER.parent / 'dos' / 'dos_minkunet_synthetic.py')
    downstream = Config.fromfile(FOLDER / 'minkunet_small_synthetic.py')
    assert type(MODELS.build(copy.deepcopy(downstream.model))) is MinkUNet
    assert pretraining.model.backbone.backbone == downstream.model.backbone
    assert pretraining.input_channels == downstream.input_channels
    size = pretraining.model.data_preprocessor.voxel_layer.voxel_size
    assert list(size) == list(downstream.model.data_preprocessor.voxel_layer.voxel_size)


def augmented_by_hand(points: torch.Tensor) -> list[torch.Tensor]:
    """The 36 clouds: flip x, flip y, both, none; yaw -45, 0, 45 degrees; scale 0.95, 1, 1.05."""
    clouds = []
    for flip_x in (1, -1):
        for flip_y in (1, -1):
            for yaw in (-0.785, 0.0, 0.785):
                for scale in (0.95, 1.0, 1.05):
                    x, y, z = points[:, 0] * flip_x, points[:, 1] * flip_y, points[:, 2]
                    cos, sin = np.cos(yaw), np.sin(yaw)
                    xyz = torch.stack((cos * x - sin * y, sin * x + cos * y, z), 1) * scale
                    clouds.append(torch.cat((xyz.float(), points[:, 3:]), 1))
    return clouds


@pytest.mark.parametrize('data', ['synthetic', 'semantickitti'])
def test_test_time_augmentation_averages_the_probabilities_of_all_clouds(data, worlds, tmp_path):
    path = FOLDER / f'ptv3_finetune_{data}.py'
    cfg = tiny(path, worlds, tmp_path)
    torch.manual_seed(0)
    model = MODELS.build(cfg.model).eval()
    for parameter in model.parameters():
        torch.nn.init.normal_(parameter, std=0.2)
    cfg.test_dataloader.dataset.pipeline = cfg.tta_pipeline
    item = DATASETS.build(cfg.test_dataloader.dataset)[0]
    assert len(item['inputs']['points'] if isinstance(item['inputs'], dict) else item['inputs']) == 36
    with torch.no_grad():
        (merged,) = MODELS.build({**cfg.tta_model, 'module': model}).test_step(pseudo_collate([item]))
        plain = Config.fromfile(path).test_dataloader.dataset
        plain.data_root = cfg.test_dataloader.dataset.data_root
        points = DATASETS.build(plain)[0]['inputs']['points']
        single = [model(dict(points=[cloud])).softmax(1) for cloud in [points, *augmented_by_hand(points)]]
    mean = torch.stack(single[1:]).double().mean(0)
    best, second = mean.topk(2).values.T
    clear = best - second > 1e-5
    found = merged.pred_pts_seg.pts_semantic_mask
    assert found.shape == (POINTS,) and clear.float().mean() > 0.95
    assert torch.equal(found[clear], mean.argmax(1)[clear])
    assert not torch.equal(found, single[0].argmax(1)), 'augmentation changed nothing, so this shows nothing'
    assert np.array_equal(merged.eval_ann_info['pts_semantic_mask'].shape, (POINTS,))


def test_test_time_augmentation_runs_from_a_checkpoint_to_the_metric(worlds, tmp_path, monkeypatch):
    cfg = tiny(FOLDER / 'ptv3_linear_probe_synthetic.py', worlds, tmp_path)
    model = MODELS.build(copy.deepcopy(cfg.model))
    torch.nn.init.normal_(model.decode_head.conv_seg.weight)
    torch.save(dict(state_dict=model.state_dict(), meta={}), tmp_path / 'model.pth')
    cfg.test_dataloader.dataset.indices = 1
    cfg.update(train_dataloader=None, train_cfg=None, optim_wrapper=None, param_scheduler=None)
    cfg.dump(tmp_path / 'small.py')
    tool = runpy.run_path(str(FOLDER.parents[1] / 'tools' / 'test.py'))
    seen = []
    monkeypatch.setattr(Seg3DTTAModel, 'merge_preds', spy(seen, Seg3DTTAModel.merge_preds))
    for flags in ([], ['--tta']):
        arguments = [
            tmp_path / 'small.py',
            tmp_path / 'model.pth',
            '--metrics',
            tmp_path / f'{len(flags)}.json',
            *flags,
        ]
        monkeypatch.setattr(sys, 'argv', ['test.py', *map(str, arguments)])
        tool['main']()
    plain, augmented = (json.loads((tmp_path / f'{number}.json').read_text()) for number in (0, 1))
    assert seen == [36]
    assert plain.keys() == augmented.keys()
    assert 0 <= augmented['acc'] < 1


def spy(seen: list, merge):
    """`merge_preds` that notes how many predictions of the scan it was given."""

    def merge_and_note(self, predictions):
        seen.append(len(predictions[0]))
        return merge(self, predictions)

    return merge_and_note
