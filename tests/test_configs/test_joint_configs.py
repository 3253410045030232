"""Joint pretraining configs: one grid and common channels for three sensors, stepped on their miniatures."""

from pathlib import Path

import mmdet3d
import pytest
import torch
from mmdet3d.registry import DATASETS, MODELS
from mmengine.config import Config

from dos_mm3d.datasets.stream import Draw
from dos_mm3d.engine.config_overrides import load_with_overrides
from dos_mm3d.export.backbone import export_backbone, read_export
from dos_mm3d.export.loading import fit_report
from tests.helpers.tiny_runs import losses_of

CONFIGS = Path(__file__).resolve().parents[2] / 'configs'
NAMES = ('dos_second_joint', 'dos_minkunet_joint', 'dos_ptv3_joint', 'dos_minkunet_joint_synthetic')
MEMBERS = {'nuscenes', 'waymo', 'semantickitti'}
MIM = Path(mmdet3d.__file__).parent / '.mim/configs'
MINKUNET = MIM / 'minkunet/minkunet34_w32_spconv_8xb2-amp-laser-polar-mix-3x_semantickitti.py'


def load(name: str) -> Config:
    return Config.fromfile(CONFIGS / f'dos/{name}.py')


@pytest.fixture
def roots(synthetic_nuscenes, synthetic_semantickitti, synthetic_waymo) -> dict:
    """What leads a joint config to the miniatures."""
    return {
        'nuscenes_root': f'{synthetic_nuscenes}/',
        'data_root': f'{synthetic_nuscenes}/',  # where the config is a child of the embedded nuScenes'
        'waymo_root': f'{synthetic_waymo}/',
        'semantickitti_root': f'{synthetic_semantickitti}/',
        'semantickitti_sequences': [0, 1],
    }


@pytest.mark.parametrize('name', NAMES)
def test_grid_channels_and_length_agree_everywhere(name):
    cfg = load(name)
    layer, dataset = cfg.model.data_preprocessor.voxel_layer, cfg.train_dataloader.dataset
    mask = dataset.pipeline[1]
    assert list(layer.voxel_size) == list(cfg.voxel_size)
    assert layer.point_cloud_range == cfg.point_cloud_range
    assert len(cfg.input_channels) == 4 + len(dataset.get('extra_channels', ()))
    assert cfg.input_channels[3] == 'intensity 0-1'
    assert cfg.param_scheduler[0].total_steps == cfg.train_cfg.max_iters == cfg.max_iters
    assert set(dataset.use) == set(dataset.members) == MEMBERS
    assert mask.mask_ratio == (0.6 if name == 'dos_second_joint' else 0.7)
    assert [hook.type for hook in cfg.custom_hooks].count('MemberSharesHook') == 1


def test_the_sparse_encoder_is_that_of_the_detector_that_takes_its_weights():
    pretraining = load('dos_second_joint')
    detector = Config.fromfile(CONFIGS / 'centerpoint/centerpoint_voxel01_nuscenes_joint.py')
    ours, theirs = pretraining.model.backbone.middle_encoder, detector.model.pts_middle_encoder
    assert {key for key in ours if ours[key] != theirs[key]} == {'sparse_shape'}
    assert ours.sparse_shape == [57, 1536, 1536]
    height = ours.sparse_shape[0]
    for padding in (1, 1, 0):
        height = (height + 2 * padding - 3) // 2 + 1
    assert height % 2, 'conv_out (kernel 3, stride 2, no padding) would not look at the highest cells'
    assert pretraining.input_channels == detector.input_channels
    nuscenes = pretraining.train_dataloader.dataset.members.nuscenes
    assert nuscenes.dataset.num_sweeps == detector.train_pipeline[1].sweeps_num + 1
    units = [step for pipeline in (detector.train_pipeline, detector.test_pipeline) for step in pipeline]
    assert [step.intensity for step in units if step.type == 'UnitIntensity'] == [nuscenes.intensity] * 2


@pytest.mark.parametrize('path', sorted((CONFIGS / 'dos').glob('*_joint*.py')), ids=lambda path: path.stem)
def test_members_weights_and_folders_follow_the_command_line(path):
    options = {'members': ['waymo', 'nuscenes'], 'weights': [3, 1], 'waymo_root': 'elsewhere/'}
    dataset = load_with_overrides(path, options).train_dataloader.dataset
    assert dataset.use == ['waymo', 'nuscenes'] and dataset.weights == {'waymo': 3, 'nuscenes': 1}
    assert dataset.members.waymo.dataset.data_root == 'elsewhere/'


@pytest.mark.parametrize('name', [name for name in NAMES if 'synthetic' not in name])
def test_one_folder_may_hold_all_sets(name):
    members = load_with_overrides(CONFIGS / f'dos/{name}.py', {'data_root': '/a b'}).train_dataloader.dataset.members
    roots = [members[one].dataset.data_root for one in ('nuscenes', 'waymo', 'semantickitti')]
    assert roots == ['/a b/nuscenes/', '/a b/waymo/kitti_format/', '/a b/semantickitti/']
    usual = load(name).train_dataloader.dataset.members
    assert usual.waymo.dataset.data_root == 'data/waymo/kitti_format/'


def test_three_real_forms_come_to_common_channels(roots):
    """Intensities of every sensor fill 0-1; the time lag is nuScenes' own and 0 elsewhere."""
    cfg = load_with_overrides(CONFIGS / 'dos/dos_second_joint.py', roots)
    dataset = DATASETS.build({**cfg.train_dataloader.dataset, 'pipeline': []})
    items = [dataset[Draw(0, position)] for position in range(len(dataset))]
    for name in MEMBERS:
        points = torch.cat([item['points'] for item in items if item['member'] == name])
        assert points.shape[1] == 5 and points.dtype == torch.float32
        assert points[:, 3].min() >= 0 and 0.5 < points[:, 3].max() <= 1
        assert 0.02 < points[:, 3].mean() < 0.9
        assert (points[:, 4] == 0).all() != (name == 'nuscenes')
    assert sorted(item['file'] for item in items) == sorted({item['file'] for item in items})


@pytest.mark.parametrize('name', NAMES)
def test_two_steps_at_tiny_size(name, roots, tiny_pretraining):
    options = {key: value for key, value in roots.items() if key in load(name)}
    if name == 'dos_minkunet_joint':  # its levels and wiring, at a width that a CPU can step
        tiny = Config.fromfile(CONFIGS / 'minkunet/_base_sizes.py').minkunet.tiny
        options['model.backbone.backbone'] = {**tiny, 'in_channels': 4}
    if name == 'dos_ptv3_joint':
        options['model.backbone.ptv3.encoder.channels'] = [16, 16, 32, 32, 64]
        options['model.backbone.ptv3.encoder.heads'] = [1, 1, 2, 2, 4]
    if name in ('dos_minkunet_joint', 'dos_ptv3_joint'):  # 2^31 cells are what spconv's CPU code can count
        options['point_cloud_range'] = [-25.6, -25.6, -5.0, 25.6, 25.6, 3.0]
    runner = tiny_pretraining(CONFIGS / f'dos/{name}.py', roots['data_root'][:-1], options=options)
    before = {key: value.clone() for key, value in runner.model.teacher.named_parameters()}
    runner.train()
    assert len(losses_of(runner)) == 2
    assert any(not torch.equal(value, before[key]) for key, value in runner.model.teacher.named_parameters())
    shares = {key: buffer.current() for key, buffer in runner.message_hub.log_scalars.items() if 'share_' in key}
    assert sum(shares.values()) == pytest.approx(1) and {key.removeprefix('train/share_') for key in shares} <= MEMBERS


@pytest.mark.parametrize(
    ('name', 'downstream', 'task'),
    [
        ('dos_second_joint', CONFIGS / 'centerpoint/centerpoint_voxel01_nuscenes_joint.py', None),
        ('dos_ptv3_joint', CONFIGS / 'segmentation/ptv3_finetune_semantickitti.py', 'segmentation'),
        ('dos_minkunet_joint', MINKUNET, None),
    ],
)
def test_every_exported_tensor_has_its_place_downstream(name, downstream, task, tmp_path):
    """What docs/joint_pretraining.md says of each: it takes the weights."""
    cfg = load(name)
    model = MODELS.build(cfg.model)
    meta = {'cfg': cfg.pretty_text, 'iter': 0, 'epoch': 0}
    torch.save({'meta': meta, 'state_dict': model.state_dict()}, tmp_path / 'joint.pth')
    del model
    export_backbone(tmp_path / 'joint.pth', tmp_path / 'backbone.pth', task=task)
    found = fit_report(
        MODELS.build(Config.fromfile(downstream).model), read_export(tmp_path / 'backbone.pth')['state_dict']
    )
    assert not found.unexpected and not found.wrong_shape
    assert len(found.matched) > 50
