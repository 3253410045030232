"""Pretraining on the real sweeps of four sensors that may lie beside the project, in ../shared/data/real."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.helpers.tiny_runs import losses_of
from tools.record_real_folders import FOLDERS

ROOT = Path(__file__).resolve().parents[1]
REAL = ROOT.parent / 'shared' / 'data' / 'real'
CONFIG = ROOT / 'configs/dos/dos_second_folder.py'


def real_folder(name: str) -> Path:
    if not (REAL / name).is_dir():
        pytest.skip(f'no real sweeps at ../shared/data/real/{name}')
    return REAL / name


def scalars(work_dir: Path) -> list[dict]:
    """The lines that the run wrote to its scalars.json."""
    file = next(work_dir.glob('*/vis_data/scalars.json'))
    return [json.loads(line) for line in file.read_text().splitlines()]


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
    """As a user would run it; tools/record_real_folders.py records the same runs."""
    command = [sys.executable, 'tools/train.py', str(CONFIG), '--work-dir', str(tmp_path), '--cfg-options']
    command += [f'data_root={real_folder(name)}', 'max_iters=200']
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, env=dict(os.environ, PYTHONPATH=str(ROOT)))
    assert done.returncode == 0, done.stderr[-3000:]
    last = scalars(tmp_path)[-1]
    assert last['step'] == 200
    assert last['effective_rank'] >= 4
    assert last['cosine_std'] >= 0.05
