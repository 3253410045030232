"""Pretraining on the real sweeps of four sensors that may lie beside the project, in ../shared/data/real."""

from pathlib import Path

import pytest

from tests.helpers.tiny_runs import losses_of
from tests.references.real_folders import FOLDERS, pretrain

ROOT = Path(__file__).resolve().parents[1]
REAL = ROOT.parent / 'shared' / 'data' / 'real'
CONFIG = ROOT / 'configs/dos/dos_second_folder.py'


def real_folder(name: str) -> Path:
    if not (REAL / name).is_dir():
        pytest.skip(f'no real sweeps at ../shared/data/real/{name}')
    return REAL / name


@pytest.mark.parametrize('name', FOLDERS)
def test_five_steps_on_crops_are_finite_and_not_constant(name, tiny_pretraining):
    options = {'default_hooks.checkpoint.interval': 5, 'custom_hooks.1.interval': 5}
    runner = tiny_pretraining(CONFIG, real_folder(name), steps=5, max_points=6000, options=options)
    runner.train()
    losses = losses_of(runner)
    assert len(losses) == 5
    assert losses.min() > 0
    assert runner.message_hub.get_scalar('train/cosine_std').current() > 0.02, 'constant features'
    assert runner.message_hub.get_scalar('train/effective_rank').current() > 2


@pytest.mark.slow
@pytest.mark.parametrize('name', FOLDERS)
def test_two_hundred_steps_on_whole_sweeps_do_not_collapse(name, tmp_path):
    last = pretrain(real_folder(name), tmp_path)
    assert last['steps'] == 200
    assert last['effective_rank'] >= 4
    assert last['cosine_std'] >= 0.05
