"""Settings of loaders that torch refuses late are settled or refused when the config is read."""

from pathlib import Path

import pytest
from torch.utils.data import DataLoader

from dos_mm3d.engine.config_overrides import load_with_overrides

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
        "train_cfg = dict(by_epoch=False, max_iters=2e4)\noptim_wrapper = dict(optimizer=dict(type='A', lr=None))\n"
    )
    assert load_with_overrides(tmp_path / 'own.py', {}).train_cfg.max_iters == 20000
