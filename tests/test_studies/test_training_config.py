"""The config of a protocol's training: another length, root, start and labels, everything else as it was."""

from pathlib import Path

import pytest
import torch
from mmengine.config import Config
from mmengine.registry import PARAM_SCHEDULERS

from dos_mm3d.datasets.label_shares import leaf
from dos_mm3d.engine.config_overrides import load_with_overrides
from dos_mm3d.errors import InputError
from dos_mm3d.studies.protocols.base import Source
from dos_mm3d.studies.protocols.training_config import (
    cell_config,
    in_steps,
    last_checkpoint,
    layer_decay,
    moved,
    own_steps,
    read_downstream,
    with_even_rates,
)
from dos_mm3d.studies.protocols.training_table import decay_note, sweeps_note, which_checkpoints

ROOT = Path(__file__).resolve().parents[2]
MINKUNET = ROOT / 'configs/segmentation/minkunet_small_synthetic.py'
PTV3 = ROOT / 'configs/segmentation/ptv3_finetune_synthetic.py'
CENTERPOINT = ROOT / 'configs/centerpoint/centerpoint_voxel01_nuscenes.py'
WAYMO = ROOT / 'configs/centerpoint/centerpoint_voxel01_waymo.py'


def cell(config: dict, **changes) -> dict:
    wanted = dict(
        seed=0, weights=None, train_sequences=None, test_sequences=None, train_ann_file='train.pkl', paste=True,
        encoder_prefixes=['backbone.'], devkit_prefix=Path('test'),
    )  # fmt: skip
    return cell_config(config, **{**wanted, **changes})


def unused() -> int:
    raise AssertionError('only where epochs and steps are mixed')


def test_all_paths_move_with_the_root() -> None:
    config = read_downstream(ROOT / 'configs/centerpoint/centerpoint_small_synthetic.py', '/elsewhere', {})
    assert config['train_dataloader']['dataset']['data_root'] == '/elsewhere/'
    assert config['test_evaluator']['ann_file'] == '/elsewhere/nuscenes_infos_val.pkl'
    assert 'data/synthetic_nuscenes' not in str(
        [config[key] for key in ('train_dataloader', 'test_dataloader', 'test_evaluator')]
    )


def test_only_what_lies_below_a_folder_moves() -> None:
    tree = {'a': ['data/x/f', 'data/xy', 3], 'b': ('data/x',)}
    assert moved(tree, 'data/x', 'new') == {'a': ['new/f', 'data/xy', 3], 'b': ('new',)}


def test_the_head_that_a_config_of_the_zoo_begins_with_is_left_to_the_recipes() -> None:
    path = ROOT / 'configs/segmentation/minkunet_synthetic_zoo.py'
    assert load_with_overrides(path, {}).custom_hooks == [dict(type='ProbeHeadHook')]
    assert 'custom_hooks' not in read_downstream(path, 'data', {})
    asked_for = [dict(type='ProbeHeadHook'), dict(type='EMAHook')]
    assert read_downstream(path, 'data', {'custom_hooks': asked_for})['custom_hooks'] == asked_for


def test_layer_decay_is_told_and_can_be_taken_away() -> None:
    config = read_downstream(PTV3, 'data', {})
    even = with_even_rates(config)
    assert (layer_decay(config), layer_decay(even)) == (0.8, 1)
    even['optim_wrapper']['paramwise_cfg'] = config['optim_wrapper']['paramwise_cfg']
    assert even == config, 'nothing else changes'
    minkunet = read_downstream(MINKUNET, 'data', {})
    assert with_even_rates(minkunet) == minkunet
    assert 'fall by a factor of 0.8 a layer' in decay_note(read_downstream(PTV3, 'data', {}))[0]
    assert decay_note(read_downstream(PTV3, 'data', {'optim_wrapper.paramwise_cfg.layer_decay': 1})) == []
    assert decay_note(read_downstream(MINKUNET, 'data', {})) == []


def test_checkpoints_that_are_used_again_are_told() -> None:
    assert 'one checkpoint' in which_checkpoints({1}, 3)
    assert which_checkpoints({3}, 3) == 'seed i trains from the checkpoint of pretraining run i'
    assert all('from the first again' in which_checkpoints(runs, 3) for runs in ({2}, {1, 3}))


def test_other_sweeps_than_in_pretraining_are_told() -> None:
    def pretrained(**dataset: int) -> Source:
        config = {'train_dataloader': {'dataset': dataset}}
        return Source('nuscenes', 0, Path('c.pth'), Path('c.py'), config, 'sha')

    config = read_downstream(ROOT / 'configs/segmentation/ptv3_finetune_nuscenes.py', 'data', {})
    (said,) = sweeps_note(config, [pretrained(num_sweeps=10)])
    assert said == 'Pretrained on nuscenes with 10 sweep(s) in a sample, trained here with 1.'
    assert sweeps_note(config, [pretrained(num_sweeps=1), pretrained()]) == []


def test_the_test_split_is_not_read_while_training() -> None:
    config = read_downstream(ROOT / 'configs/segmentation/ptv3_finetune_nuscenes.py', 'data/nuscenes', {})
    assert [config[f'val_{key}'] for key in ('dataloader', 'evaluator', 'cfg')] == [None] * 3
    assert 'val_interval' not in config['train_cfg']


def test_overrides_reach_the_config_and_reserved_ones_are_refused() -> None:
    assert read_downstream(MINKUNET, 'data', {'max_iters': 7})['train_cfg']['max_iters'] == 7
    with pytest.raises(ValueError, match='load_from: the protocol sets it'):
        read_downstream(MINKUNET, 'data', {'load_from': 'x'})


def test_own_length_counts_batches_of_all_processes() -> None:
    config = {'train_cfg': {'max_epochs': 50}, 'train_dataloader': {'batch_size': 2}}
    assert own_steps(config, 28130, 8) == 50 * 1759  # ceil(28130 / 16)
    assert own_steps({'train_cfg': {'max_iters': 9}}, 28130, 8) == 9


def test_epochs_become_steps_and_schedules_keep_their_shape() -> None:
    config = in_steps(read_downstream(PTV3, 'data', {}), 500, unused)
    assert config['train_cfg'] == dict(type='IterBasedTrainLoop', max_iters=500)
    linear, cosine = config['param_scheduler']
    assert (linear['end'], cosine['begin'], cosine['end'], cosine['T_max']) == (20, 20, 500, 480)  # 50 epochs before
    assert not any(scheduler['by_epoch'] or 'convert_to_iter_based' in scheduler for scheduler in (linear, cosine))
    assert config['train_dataloader']['sampler'] == dict(type='InfiniteSampler', shuffle=True)
    assert config['log_processor']['by_epoch'] is False


@pytest.mark.parametrize('steps', [2, 5, 12, 13, 50])
def test_a_short_training_keeps_a_step_of_warm_up(steps: int) -> None:
    config = in_steps(read_downstream(PTV3, 'data', {}), steps, unused)
    warm_up = config['param_scheduler'][0]
    assert warm_up['end'] == max(1, round(2 * steps / 50))
    scheduler = PARAM_SCHEDULERS.build({**warm_up, 'optimizer': torch.optim.SGD([torch.zeros(1)], lr=1.0)})
    assert scheduler.end > scheduler.begin


def test_steps_are_stretched_too() -> None:
    config = in_steps(read_downstream(MINKUNET, 'data', {}), 100, unused)
    (one_cycle,) = config['param_scheduler']
    assert (config['train_cfg']['max_iters'], one_cycle['total_steps'], one_cycle['pct_start']) == (100, 100, 0.1)
    steps = [dict(type='MultiStepLR', by_epoch=True, milestones=[24, 32], end=36)]
    config = in_steps({'train_cfg': {'max_epochs': 36}, 'train_dataloader': {}, 'param_scheduler': steps}, 72, unused)
    assert config['param_scheduler'][0]['milestones'] == [48, 64]


def test_a_warm_up_in_steps_is_stretched_beside_epochs() -> None:
    """As mmdet3d's SPVCNN has it: 125 steps, then epochs."""
    mixed = [dict(type='LinearLR', by_epoch=False, end=125), dict(type='CosineAnnealingLR', begin=0, T_max=15, end=15)]
    config = {'train_cfg': {'max_epochs': 15}, 'train_dataloader': {}, 'param_scheduler': mixed}
    warm_up, cosine = in_steps(config, 200, lambda: 25_000)['param_scheduler']
    assert (warm_up['end'], cosine['T_max']) == (1, 200)
    warm_up, cosine = in_steps(config, 50_000, lambda: 25_000)['param_scheduler']
    assert (warm_up['end'], cosine['T_max'], cosine['by_epoch']) == (250, 50_000, False)


def test_a_cell_starts_where_it_is_told_and_can_be_resumed(tmp_path: Path) -> None:
    config = read_downstream(MINKUNET, 'data', {'max_iters': 400})
    made = cell(config, seed=5, weights='w.pth')
    assert (made['randomness']['seed'], made['load_from'], made['resume']) == (5, 'w.pth', False)
    names = ['backbone.']
    assert {'type': 'StartRecordHook', 'encoder_prefixes': names} in made['custom_hooks']
    checkpoint = made['default_hooks']['checkpoint']
    assert checkpoint['interval'] == 40
    assert checkpoint.get('save_optimizer', True), 'without the optimiser an interrupted training could not go on'
    assert last_checkpoint(made, tmp_path) == tmp_path / 'iter_400.pth'
    assert cell(config)['load_from'] is None
    assert config['default_hooks']['checkpoint']['interval'] == 400, 'the shared config is left alone'


def test_a_pair_differs_in_its_start_alone() -> None:
    config = read_downstream(MINKUNET, 'data', {})
    scratch, pretrained = cell(config, train_sequences=['a']), cell(config, weights='w.pth', train_sequences=['a'])
    assert {key for key in scratch if scratch[key] != pretrained[key]} == {'load_from'}


def test_labels_are_cut_innermost_and_objects_pasted_only_where_told() -> None:
    config = read_downstream(CENTERPOINT, 'data', {})
    assert 'ObjectSample' in str(config['train_dataloader'])
    dataset = cell(config, train_sequences=['a', 'b'], paste=False)['train_dataloader']['dataset']
    assert [dataset['type'], dataset['dataset']['type']] == ['CBGSDataset', 'SequenceShare']
    assert dataset['dataset']['sequences'] == ['a', 'b']
    assert leaf(dataset)['type'] == 'NuScenesDataset'
    assert 'ObjectSample' not in str(dataset)
    assert 'ObjectSample' in str(cell(config, train_sequences=['a'])['train_dataloader'])


def test_settings_are_chosen_on_training_sequences() -> None:
    dataset = cell(read_downstream(MINKUNET, 'data', {}), test_sequences=['c'])['test_dataloader']['dataset']
    assert (dataset['type'], dataset['sequences'], leaf(dataset)['ann_file']) == ('SequenceShare', ['c'], 'train.pkl')
    assert leaf(dataset)['test_mode']


def test_what_is_scored_is_looked_up_in_the_infos_of_what_is_tested() -> None:
    """Waymo's metric reads the labels from an info file itself."""
    config = read_downstream(WAYMO, '/elsewhere', {})
    assert cell(config)['test_evaluator']['ann_file'] == '/elsewhere/waymo_infos_val.pkl'
    made = cell(config, test_sequences=['0001'])
    assert made['test_evaluator']['ann_file'] == '/elsewhere/train.pkl'
    assert leaf(made['test_dataloader']['dataset'])['ann_file'] == 'train.pkl'


def test_a_share_is_one_of_all_labels() -> None:
    """The config itself trains on every fifth frame."""
    config = read_downstream(WAYMO, 'data', {})
    assert leaf(cell(config)['train_dataloader']['dataset'])['load_interval'] == 5
    assert leaf(cell(config, train_sequences=['0001'])['train_dataloader']['dataset'])['load_interval'] == 1


def test_minkunets_small_config_is_what_it_was() -> None:
    """It shares its model with other sets' configs."""
    cfg = Config.fromfile(MINKUNET)
    assert cfg.model.data_preprocessor.to_dict() == dict(
        type='Det3DDataPreprocessor',
        voxel=True,
        voxel_type='minkunet',
        batch_first=True,
        max_voxels=80000,
        voxel_layer=dict(
            max_num_points=-1,
            point_cloud_range=[-100, -100, -20, 100, 100, 20],
            voxel_size=[0.2, 0.2, 0.2],
            max_voxels=(-1, -1),
        ),
    )
    assert (cfg.model.decode_head.channels, cfg.model.decode_head.ignore_index) == (32, 16)


@pytest.mark.parametrize(
    ('path', 'points', 'interval', 'by_epoch'), [(MINKUNET, 4, 200, False), (CENTERPOINT, 5, 4, True)]
)
def test_a_training_can_score_what_its_test_does(path: Path, points: int, interval: int, by_epoch: bool) -> None:
    config = read_downstream(path, 'data', {})
    plain, scored = cell(config), cell(config, curve=points)
    assert plain['val_dataloader'] is None and 'val_interval' not in plain['train_cfg']
    assert scored['val_dataloader'] == scored['test_dataloader']
    assert scored['train_cfg'] == {**plain['train_cfg'], 'val_interval': interval}
    assert scored['default_hooks']['logger']['log_metric_by_epoch'] == by_epoch
    if path == CENTERPOINT:
        prefixes = [scored[key]['jsonfile_prefix'] for key in ('val_evaluator', 'test_evaluator')]
        assert prefixes == ['curve', 'test'], 'files of the one are not those of the other'
    kept = [key for key in plain if not key.startswith('val_') and key not in ('train_cfg', 'default_hooks')]
    assert {key: scored[key] for key in kept} == {key: plain[key] for key in kept}
    with pytest.raises(InputError, match=r'wanted a number that divides them'):
        cell(config, curve=7)
