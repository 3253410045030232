"""Keys of the command line that nothing would read are refused, whatever mmengine would have made of them."""

from pathlib import Path

import pytest

from dos_mm3d.engine.config_overrides import load_with_overrides
from dos_mm3d.engine.known_keys import arguments_of
from dos_mm3d.errors import UserError

CONFIGS = Path(__file__).resolve().parents[2] / 'configs'
FOLDER = CONFIGS / 'dos/dos_second_folder.py'
SLIPS = {
    'default_hooks.checkpoint.intervall': 'interval',
    'default_hooks.chekpoint.interval': 'checkpoint',
    'default_hooks.logger.intrval': 'interval',
    'default_hooks.data_wait.limt': 'limit',
    'optim_wrapper.optimizer.lrr': 'lr',
    'optim_wrapper.optimizer.weigth_decay': 'weight_decay',
    'optim_wrapper.clip_grad.max_nrom': 'max_norm',
    'optim_wrapper.acumulative_counts': 'accumulative_counts',
    'train_cfg.max_iter': 'max_iters',
    'train_dataloader.num_worker': 'num_workers',
    'train_dataloader.shufle': 'shuffle',
    'train_dataloader.dataset.bin_colums': 'bin_columns',
    'train_dataloader.dataset.pipeline.0.max_point': 'max_points',
    'train_dataloader.sampler.sed': 'seed',
    'env_cfg.cudnn_benchmrk': 'cudnn_benchmark',
    'env_cfg.dist_cfg.backnd': 'backend',
    'randomness.sead': 'seed',
    'auto_scale_lr.base_batchsize': 'base_batch_size',
    'param_scheduler.0.eta_maxx': 'eta_max',
    'custom_hooks.1.intervl': 'interval',
    'model.head.aplha': 'alpha',
    'model.data_preprocessor.voxel_layer.max_voxel': 'max_voxels',
    'visualizer.vis_backend': 'vis_backends',
    'log_processor.windowsize': 'window_size',
    'optim_wrapper.paramwise_cfg.norm_decay_mul': 'norm_decay_mult',
}
TAKEN = {
    'optim_wrapper.accumulative_counts': '2',
    'optim_wrapper.paramwise_cfg.norm_decay_mult': '0.0',
    'optim_wrapper.optimizer.betas': '(0.9, 0.95)',
    'train_dataloader.pin_memory': 'true',
    'train_dataloader.dataset.intensity_max': '255',
    'default_hooks.checkpoint.save_best': 'loss',
    'default_hooks.start_record.type': 'StartRecordHook',
    'randomness.deterministic': 'true',
    'env_cfg.resource_limit': '9999',
    'model.head.teacher_prototypes': 'ema',
    'param_scheduler.0.three_phase': 'true',
    'custom_hooks.1.on_collapse': 'warn',
    'model.terms.type': 'SameAndCrossView',
}


@pytest.mark.parametrize('key', sorted(SLIPS))
def test_a_slip_within_a_section_is_refused_with_the_nearest(key):
    with pytest.raises(UserError, match=rf'so {key} would change nothing; nearest: .*\b{SLIPS[key]}\b'):
        load_with_overrides(FOLDER, {key: '1'})


@pytest.mark.parametrize('key', sorted(TAKEN))
def test_what_a_class_or_a_section_takes_may_be_added(key):
    load_with_overrides(FOLDER, {key: TAKEN[key]})


def test_another_class_is_given_its_own_arguments_in_any_order():
    options = {'optim_wrapper.optimizer.momentum': '0.9', 'optim_wrapper.optimizer.type': 'SGD'}
    assert load_with_overrides(FOLDER, options).optim_wrapper.optimizer.momentum == 0.9
    with pytest.raises(UserError, match='optimizer has no momentum'):
        load_with_overrides(FOLDER, {'optim_wrapper.optimizer.momentum': '0.9'})


def test_arguments_that_are_passed_on_are_those_of_the_class_above():
    class Above:
        def __init__(self, a: int) -> None:
            pass

    class Below(Above):
        def __init__(self, b: int, **kwargs) -> None:
            super().__init__(**kwargs)

    class Elsewhere:
        def __init__(self, c: int, **kwargs) -> None:
            dict(**kwargs)

    assert arguments_of(Below) == ({'a', 'b'}, True)
    assert arguments_of(Elsewhere) == ({'c'}, False)


@pytest.mark.parametrize(
    ('key', 'place'),
    [
        ('num_workers', 'train_dataloader.num_workers'),
        ('seed', 'randomness.seed'),
        ('lr', 'optim_wrapper.optimizer.lr'),
    ],
)
def test_a_name_without_its_section_is_told_where_it_is(key, place):
    with pytest.raises(UserError, match=rf'has no {key}, so {key} would change nothing; nearest: {place}$'):
        load_with_overrides(FOLDER, {key: '1'})


@pytest.mark.parametrize('key', ['custom_hooks.7.interval', 'custom_hooks.-1.interval', 'param_scheduler.eta_max'])
def test_entries_of_a_list_have_numbers(key):
    with pytest.raises(
        UserError, match=r'has no place: \w+ is a list of \d, .* named by their numbers, \w+\.0 the first'
    ):
        load_with_overrides(FOLDER, {key: '1'})
