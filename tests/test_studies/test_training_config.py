"""The config of a protocol's training: another length, root, start and labels, everything else as it was."""

import json
from pathlib import Path

import pytest
import torch
from mmengine.config import Config
from mmengine.registry import PARAM_SCHEDULERS

from dos_mm3d.datasets.label_shares import leaf
from dos_mm3d.engine.config_overrides import load_with_overrides
from dos_mm3d.errors import InputError
from dos_mm3d.studies.protocols.base import Source
from dos_mm3d.studies.protocols.training_cell import cell_commands, detection_values
from dos_mm3d.studies.protocols.training_config import (
    cell_config,
    checkpoint_at,
    curve_places,
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


def test_checkpoints_of_a_learning_curve_are_kept() -> None:
    config = read_downstream(MINKUNET, 'data', {})
    plain, curved = cell(config), cell(config, curve=4)
    checkpoint = curved['default_hooks'].pop('checkpoint')
    assert (checkpoint['interval'], checkpoint['max_keep_ckpts']) == (200, -1)
    checkpoint = plain['default_hooks'].pop('checkpoint')
    assert (checkpoint['interval'], checkpoint['max_keep_ckpts']) == (80, 1)
    assert curved == plain, 'nothing else changes'


def test_places_of_a_curve_are_evenly_spaced_up_to_the_end() -> None:
    assert curve_places({'max_iters': 800}, 4) == [200, 400, 600, 800]
    assert curve_places({'max_epochs': 20}, 5) == [4, 8, 12, 16, 20]
    assert curve_places({'max_iters': 7}, 1) == [7]
    with pytest.raises(InputError, match='--curve 3: a training has 20 epochs; wanted a number that divides them'):
        curve_places({'max_epochs': 20}, 3)
    assert checkpoint_at({'train_cfg': {'max_epochs': 20}}, Path('run'), 4) == Path('run/epoch_4.pth')


def test_a_cell_tests_the_way_first_and_the_end_last(tmp_path: Path) -> None:
    config = {'train_cfg': {'max_iters': 800}}
    _, *tests = cell_commands(config, tmp_path, task='segmentation', processes=1, places=[200, 400])
    texts = [' '.join(map(str, test)) for test in tests]
    for text, step, to in zip(texts, (200, 400, 800), ('curve/200', 'curve/400', '')):
        assert f'{tmp_path / "run"}/iter_{step}.pth' in text
        for option, file in (('metrics', 'metrics.json'), ('confusion', 'confusion.json'), ('work-dir', 'test_log')):
            assert f'--{option} {tmp_path / to / file}' in text


KITTI_FOUND = 'Kitti metric/pred_instances_3d/KITTI/'
METRICS = {
    'nuscenes': ({f'NuScenes metric/pred_instances_3d_NuScenes/{key}': 0.25 for key in ('mAP', 'NDS')}, {'mAP', 'NDS'}),
    'waymo': (
        {f'Waymo/LEVEL_{level}/m{name}': 0.25 for level in (1, 2) for name in ('AP', 'APH')},
        {'L1 AP', 'L1 APH', 'L2 AP', 'L2 APH'},
    ),
    'kitti': (
        {
            f'{KITTI_FOUND}Car_boxes_moderate': 3,
            **{
                f'{KITTI_FOUND}Car_{kind}_AP40_moderate_{how}': 25.0
                for kind in ('3D', 'BEV')
                for how in ('strict', 'loose')
            },
        },
        {'3D strict', '3D loose', 'BEV strict', 'BEV loose'},
    ),
}


@pytest.mark.parametrize('form', METRICS)
def test_the_numbers_of_a_curve_are_those_of_the_table(form: str, tmp_path: Path) -> None:
    metrics, keys = METRICS[form]
    (tmp_path / 'metrics.json').write_text(json.dumps(metrics))
    assert detection_values(tmp_path) == dict.fromkeys(keys, 25.0)
