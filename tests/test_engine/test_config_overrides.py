"""A variable given on the command line changes whatever the config derives from it."""

from pathlib import Path

import pytest

from dos_mm3d.engine.config_overrides import load_with_overrides

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def config(tmp_path):
    (tmp_path / 'base.py').write_text(
        "data_root = 'data/a/'\nsteps = 10\nfiles = dict(train=data_root + 'train.pkl')\n"
    )
    child = tmp_path / 'child.py'
    child.write_text(
        "_base_ = './base.py'\nwidth = 4\nnote = 'x'\n"
        'loop = dict(max_iters=_base_.steps, half=_base_.steps // 2)\n'
        'model = dict(channels=[width, width * 2])\n'
    )
    return child


def test_without_overrides_it_is_the_file(config):
    cfg = load_with_overrides(config, {})
    assert cfg.loop == dict(max_iters=10, half=5)
    assert cfg.filename == str(config)


def test_derived_values_follow_in_the_file_and_in_its_bases(config):
    cfg = load_with_overrides(config, dict(data_root='data/b/', steps=30, width=8))
    assert cfg.files.train == 'data/b/train.pkl'
    assert cfg.loop == dict(max_iters=30, half=15)
    assert cfg.model.channels == [8, 16]


def test_dotted_keys_are_merged_as_mmengine_does(config):
    cfg = load_with_overrides(config, {'loop.half': 1, 'new': 3, 'note': None} | {'model.channels': [1]})
    assert cfg.loop == dict(max_iters=10, half=1)
    assert cfg.new == 3
    assert cfg.note is None
    assert cfg.model.channels == [1]


def test_values_with_quotes_arrive_unchanged(config):
    assert load_with_overrides(config, dict(data_root='it\'s "here"/')).files.train == 'it\'s "here"/train.pkl'


def test_a_variable_of_another_packages_base_is_refused_and_says_what_to_do():
    config = ROOT / 'configs/centerpoint/centerpoint_voxel01_nuscenes.py'
    with pytest.raises(ValueError, match=r'data_root is defined in a base of another package.*a\.b=value'):
        load_with_overrides(config, dict(data_root='elsewhere/'))
    assert load_with_overrides(config, dict(load_from='w.pth')).load_from == 'w.pth'


def test_the_pretraining_config_over_such_a_base_follows():
    cfg = load_with_overrides(ROOT / 'configs/dos/dos_second_nuscenes.py', dict(data_root='elsewhere/'))
    assert cfg.train_dataloader.dataset.data_root == 'elsewhere/'


def test_other_kinds_of_config_are_merged_as_mmengine_does(tmp_path):
    (tmp_path / 'base.py').write_text('steps = 10\n')
    (tmp_path / 'new.py').write_text(
        'from mmengine.config import read_base\n\nwith read_base():\n    from .base import *\n\nloop = dict(n=steps)\n'
    )
    (tmp_path / 'plain.json').write_text('{"loop": {"n": 1}}')
    assert load_with_overrides(tmp_path / 'new.py', {'loop.n': 3}).loop.n == 3
    assert load_with_overrides(tmp_path / 'plain.json', {'loop.n': 3}).loop.n == 3


def test_a_variable_that_only_a_base_of_that_base_uses_is_refused_too():
    """mmdet3d's learning rate: defined and used in its schedule, two files below the config."""
    with pytest.raises(ValueError, match='lr is defined in a base of another package'):
        load_with_overrides(ROOT / 'configs/centerpoint/centerpoint_voxel01_nuscenes.py', dict(lr=0.5))


def test_a_mapping_is_merged_into_the_variable_and_does_not_replace_it(config):
    cfg = load_with_overrides(config, dict(loop=dict(half=1)))
    assert cfg.loop == dict(max_iters=10, half=1)
