"""A variable given on the command line changes whatever the config derives from it."""

import pytest

from dos_mm3d.engine.config_overrides import load_with_overrides


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
