"""Settings of loaders that torch refuses late are settled or refused when the config is read."""

import re
from pathlib import Path

import pytest
from torch.utils.data import DataLoader

from dos_mm3d.engine.config_overrides import load_with_overrides
from dos_mm3d.errors import InputError

CONFIGS = Path(__file__).resolve().parents[2] / 'configs'


@pytest.mark.parametrize(
    'config', ['dos/dos_second_folder.py', 'centerpoint/centerpoint_small_synthetic.py', 'dos/dos_second_joint.py']
)
def test_no_workers_is_enough_to_say(config):
    loader = load_with_overrides(CONFIGS / config, {'train_dataloader.num_workers': '0'}).train_dataloader
    built_by_mmengine = ('dataset', 'sampler', 'batch_sampler', 'collate_fn')
    DataLoader([0], **{key: value for key, value in loader.items() if key not in built_by_mmengine})


def test_loaders_with_workers_keep_what_only_they_have():
    cfg = load_with_overrides(CONFIGS / 'dos/dos_second_folder.py', {'train_dataloader.prefetch_factor': '3'})
    assert cfg.train_dataloader.persistent_workers and cfg.train_dataloader.prefetch_factor == 3


@pytest.mark.parametrize(
    'option', ['num_workers=-1', 'num_workers=two', 'batch_size=0', 'batch_size=-2', 'batch_size=1.5']
)
def test_numbers_that_are_none_are_refused_by_name(option):
    key, value = option.split('=')
    with pytest.raises(ValueError, match=rf'train_dataloader\.{key}=.*wanted a whole number'):
        load_with_overrides(CONFIGS / 'dos/dos_second_folder.py', {f'train_dataloader.{key}': value})


@pytest.mark.parametrize(
    'option', ['max_iters=0', 'max_iters=-1', 'max_iters=2.5', 'max_iters=abc', 'max_iters=None', 'learning_rate=True']
)
def test_lengths_and_rates_that_are_none_are_refused(option):
    key, value = option.split('=')
    with pytest.raises(ValueError, match=r'(max_iters|optimizer\.lr)=.*: wanted a (whole number|learning rate)'):
        load_with_overrides(CONFIGS / 'dos/dos_second_folder.py', {key: value})


def test_lengths_may_be_whole_floats_and_rates_none(tmp_path):
    (tmp_path / 'own.py').write_text(
        "train_cfg = dict(by_epoch=False, max_iters=2e4)\noptim_wrapper = dict(optimizer=dict(type='SGD', lr=None))\n"
    )
    assert load_with_overrides(tmp_path / 'own.py', {}).train_cfg.max_iters == 20000


@pytest.mark.parametrize(
    ('option', 'said'),
    [
        ('train_dataloader.prefetch_factor=0', 'wanted a whole number, 1 or more'),
        ('train_dataloader.num_batch_per_epoch=0', 'wanted a whole number, 1 or more'),
        ('test_dataloader.drop_last=True', 'the last frames would not be scored'),
        ('default_hooks.checkpoint.interval=often', 'wanted a whole number, -1 or more'),
        ('default_hooks.checkpoint.max_keep_ckpts=1.5', 'wanted a whole number, -1 or more'),
        ('default_hooks.checkpoint.max_keep_ckpts=0', 'wanted -1, for never or for all'),
        ('default_hooks.logger.interval=0', 'wanted -1, for never or for all'),
        ('sync_bn=True', 'wanted one of None, torch, mmcv'),
        ('custom_hooks.1.interval=often', 'wanted a whole number, -1 or more'),
        ('optim_wrapper.clip_grad.max_norm=some', 'wanted a number, more than 0'),
        ('optim_wrapper.optimizer.type=AdamV', 'no such optimiser; nearest: .*Adam'),
    ],
)
def test_what_would_end_a_run_at_its_first_use_is_refused_by_name(option, said):
    key, value = option.split('=')
    with pytest.raises(InputError, match=rf'{re.escape(option)}|{key}={value!r}') as caught:
        name = 'centerpoint/centerpoint_small_synthetic.py' if key.startswith('test') else 'dos/dos_second_folder.py'
        load_with_overrides(CONFIGS / name, {key: value})
    assert re.search(said, str(caught.value))
