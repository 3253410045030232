"""Every CenterPoint config builds, differs from mmdet3d's own where it says so, and trains."""

import copy
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch
from mmengine.config import Config
from mmengine.runner import Runner
from mmengine.utils import get_installed_path

from tests.helpers.detectors import load, tiny, without_scope

ROOT = Path(__file__).resolve().parents[2]
CONFIGS = sorted((ROOT / 'configs' / 'centerpoint').glob('*.py'))
SMALL = ROOT / 'configs' / 'centerpoint' / 'centerpoint_small_synthetic.py'
FULL = ROOT / 'configs' / 'centerpoint' / 'centerpoint_voxel01_nuscenes.py'
FULL_DOS = ROOT / 'configs' / 'centerpoint' / 'centerpoint_voxel01_nuscenes_dos.py'
PTV3_SMALL = ROOT / 'configs' / 'centerpoint' / 'centerpoint_ptv3_small_synthetic.py'


def upstream() -> Config:
    name = 'centerpoint/centerpoint_voxel01_second_secfpn_8xb4-cyclic-20e_nus-3d.py'
    return load(Path(get_installed_path('mmdet3d')) / '.mim' / 'configs' / name)


def build_model(cfg: Config) -> torch.nn.Module:
    from mmdet3d.registry import MODELS

    return MODELS.build(copy.deepcopy(cfg.model))


def typed_steps(pipeline: list) -> Iterator[dict]:
    for step in pipeline:
        yield step
        yield from typed_steps(step.get('transforms', []))


@pytest.mark.parametrize('path', CONFIGS, ids=lambda path: path.stem)
def test_config_builds_and_names_only_registered_classes(path):
    from mmdet3d.registry import DATASETS, TRANSFORMS

    cfg = load(path)
    assert sum(parameter.numel() for parameter in build_model(cfg).parameters()) > 1e6
    for loader in (cfg.train_dataloader, cfg.test_dataloader):
        dataset = loader.dataset
        while 'pipeline' not in dataset:
            assert DATASETS.get(dataset.type)
            dataset = dataset.dataset
        assert DATASETS.get(dataset.type)
        assert all(TRANSFORMS.get(step['type']) for step in typed_steps(dataset.pipeline))


@pytest.mark.parametrize('path', CONFIGS, ids=lambda path: path.stem)
def test_config_says_what_the_encoder_is_fed(path):
    cfg = load(path)
    voxel_layer = cfg.model.data_preprocessor.voxel_layer
    assert list(cfg.point_cloud_range) == list(voxel_layer.point_cloud_range)
    assert list(cfg.voxel_size) == list(voxel_layer.voxel_size)
    middle_encoder = cfg.model.pts_middle_encoder
    in_channels = middle_encoder.get('ptv3', middle_encoder).in_channels
    assert len(cfg.input_channels) == cfg.model.pts_voxel_encoder.num_features == in_channels
    for pipeline in (cfg.train_pipeline, cfg.test_pipeline):
        sweeps = [step for step in pipeline if step['type'] == 'LoadPointsFromMultiSweeps']
        number = cfg.get('sweeps_num', 0)  # KITTI has none
        assert [step['sweeps_num'] for step in sweeps] == [number] * (number > 0)
        columns = [range(dims) if isinstance(dims := step['use_dim'], int) else dims for step in sweeps or pipeline[:1]]
        added = [step['type'] for step in pipeline].count('ZeroTimeLag')
        assert [len(dims) + added for dims in columns] == [len(cfg.input_channels)]


@pytest.mark.parametrize('path', CONFIGS, ids=lambda path: path.stem)
def test_config_header_gives_command_hardware_and_expectation(path):
    header = path.read_text().split('"""')[1]
    assert all(f'{word}:' in header for word in ('Command', 'Hardware', 'Expected'))
    assert f'configs/centerpoint/{path.name}' in header


def test_full_size_config_is_mmdet3ds_own():
    ours, theirs = load(FULL), upstream()
    for key in ('model', 'train_dataloader', 'test_dataloader', 'test_evaluator', 'optim_wrapper', 'param_scheduler'):
        assert without_scope(ours[key]) == without_scope(theirs[key]), key
    assert ours.train_cfg.max_epochs == theirs.train_cfg.max_epochs and ours.load_from is None
    child = load(FULL_DOS)
    assert without_scope(child.model) == without_scope(ours.model) and child.load_from.endswith('backbone.pth')


def test_small_config_has_the_same_encoder_on_a_coarser_grid():
    ours, theirs = load(SMALL).model, upstream().model
    small = without_scope(ours.pts_middle_encoder)
    statistics = dict(type='BN1d', eps=1e-3, momentum=0.1)  # running statistics only, for a short run: same parameters
    changed = dict(sparse_shape=[41, 512, 512], norm_cfg=statistics)
    assert small == without_scope(theirs.pts_middle_encoder) | changed
    assert ours.train_cfg.pts.grid_size == [512, 512, 40]
    sizes = (ours.train_cfg.pts.voxel_size, ours.data_preprocessor.voxel_layer.voxel_size)
    assert all(list(size) == [0.2, 0.2, 0.2] for size in sizes)
    assert list(ours.test_cfg.pts.voxel_size) == list(ours.pts_bbox_head.bbox_coder.voxel_size) == [0.2, 0.2]
    for part in ('pts_backbone', 'pts_neck'):
        assert [2 * width for width in ours[part].out_channels] == list(theirs[part].out_channels)


def test_small_head_starts_at_its_heatmap_bias_and_mmdet3ds_does_not():
    """The reason for BiasedSeparateHead; when mmdet3d hands init_weights down to its heads, it can go."""
    biases = {}
    for path in (SMALL, FULL):
        model = build_model(load(path))
        model.init_weights()
        biases[path] = torch.cat([head.heatmap[-1].bias.detach() for head in model.pts_bbox_head.task_heads])
    assert torch.equal(biases[SMALL], torch.full_like(biases[SMALL], -2.19))
    assert biases[FULL].min() > -1


def test_every_part_is_trained(synthetic_nuscenes, tmp_path, recorded):
    """The other configs take their steps in test_every_config.py and with tools/check_configs.py."""
    runner = Runner.from_cfg(tiny(load(PTV3_SMALL), synthetic_nuscenes, tmp_path / 'train'))
    before = {name: value.clone() for name, value in runner.model.named_parameters()}
    runner.train()
    assert len(recorded) == 2
    assert all(torch.isfinite(torch.tensor(value)) for losses in recorded for value in losses.values())
    assert sum('loss_heatmap' in name for name in recorded[0]) == 6
    still = [name for name, value in runner.model.named_parameters() if torch.equal(value, before[name])]
    assert not [name for name in still if name.startswith(('pts_middle_encoder', 'pts_backbone', 'pts_neck'))]


def test_small_config_is_tested_with_the_official_devkit(synthetic_nuscenes, tmp_path):
    """An untrained detector runs through test loader, NMS and devkit, and its mAP is that of guessing."""
    cfg = tiny(load(PTV3_SMALL), synthetic_nuscenes, tmp_path / 'test')
    cfg.custom_hooks = []
    cfg.test_dataloader.update(num_workers=0, persistent_workers=False)
    metrics = Runner.from_cfg(cfg).test()
    assert 0 <= metrics['NuScenes metric/pred_instances_3d_NuScenes/mAP'] < 0.05
    said = {name.rsplit('/', 1)[1] for name in metrics}
    errors = {'mATE', 'mASE', 'mAOE', 'mAVE', 'mAAE'}
    assert said >= {'NDS', 'mAP', 'car_AP_dist_2.0', 'car_trans_err', 'pedestrian_orient_err', *errors}
