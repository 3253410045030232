"""Pretraining on sweeps of a folder: train 4 = train 2, resume 2, bit for bit, also where random numbers are drawn."""

from pathlib import Path

import numpy as np
import pytest
import torch
from mmengine.hooks import Hook
from mmengine.runner import Runner

from dos_mm3d.engine.config_overrides import load_with_overrides
from dos_mm3d.engine.hooks import GoOnHook
from dos_mm3d.engine.work_dir import choose_start

CONFIGS = Path(__file__).resolve().parents[2] / 'configs'
FOLDER = f"""
_base_ = [r'{CONFIGS}/dos/NAME.py']
train_dataloader = dict(dataset=dict(_delete_=True, type='FolderSweeps', data_root='DATA', pipeline=_base_.pipeline))
input_channels = ['x [m]', 'y [m]', 'z [m]', 'intensity 0-1']
model = dict(backbone=dict(voxel_encoder=dict(num_features=4), CHANNELS))
"""
CHANNELS = {
    'dos_ptv3_synthetic': 'ptv3=dict(in_channels=4, input_scale=(1, 1, 1, 1))',
    'dos_second_synthetic': 'middle_encoder=dict(in_channels=4)',
}


@pytest.fixture(scope='module')
def sweeps(tmp_path_factory) -> Path:
    """Six sweeps: a floor and a wall."""
    folder = tmp_path_factory.mktemp('sweeps')
    for i in range(6):
        random = np.random.default_rng(i)
        floor = np.c_[random.uniform(-12, 12, (1200, 2)), random.normal(-1.7, 0.02, 1200)]
        wall = np.c_[random.uniform(-12, 12, 600), np.full(600, 5 + i), random.uniform(-1.7, 1.5, 600)]
        xyz = np.concatenate((floor, wall))
        np.save(folder / f'{i}.npy', np.c_[xyz, random.uniform(0, 1, len(xyz))].astype(np.float32))
    return folder


@pytest.fixture
def run(sweeps, tmp_path):
    """Train a config in a folder of that name to some step, from the newest checkpoint there."""

    def train(name: str, work_dir: str, steps: int, *, stop_at: int | None = None) -> Runner:
        text = FOLDER.replace('NAME', name).replace('DATA', str(sweeps)).replace('CHANNELS', CHANNELS[name])
        (tmp_path / f'{name}.py').write_text(text)
        options = {
            'max_iters': steps,
            'work_dir': str(tmp_path / work_dir),
            'point_cloud_range': [-12.8, -12.8, -5.0, 12.8, 12.8, 3.0],
            'train_dataloader.num_workers': 0,
            'train_dataloader.persistent_workers': False,
            'default_hooks.checkpoint.interval': 2,
            'default_hooks.logger.interval': 1,
            'experiment_name': f'{tmp_path.name}_{work_dir}_{steps}_{stop_at}',
        }
        cfg = load_with_overrides(tmp_path / f'{name}.py', options)
        choose_start(cfg, 'auto')
        runner = Runner.from_cfg(cfg)
        if cfg.resume:
            runner.register_hook(GoOnHook(cfg.load_from))
        if stop_at is not None:
            runner.register_hook(_StopAt(stop_at))
        runner.train()
        return runner

    return train


class _StopAt(Hook):
    """Ends a run early, after its checkpoint."""

    priority = 'LOWEST'

    def __init__(self, step: int) -> None:
        self.step = step

    def after_train_iter(self, runner, batch_idx, data_batch=None, outputs=None) -> None:
        if runner.iter + 1 == self.step:
            runner.train_loop.stop_training = True


def state(folder: Path, step: int = 4) -> dict:
    return torch.load(folder / f'iter_{step}.pth', weights_only=True)


@pytest.mark.parametrize('name', sorted(CHANNELS))
def test_four_steps_are_two_and_two(run, tmp_path, name):
    runner = run(name, 'whole', 4)
    if 'ptv3' in name:
        ptv3 = runner.model.student.backbone.ptv3
        assert ptv3.shuffle_orders and ptv3.block.drop_path > 0
    run(name, 'parts', 4, stop_at=2)
    run(name, 'parts', 4)
    whole, parts = state(tmp_path / 'whole'), state(tmp_path / 'parts')
    assert all(torch.equal(value, parts['state_dict'][key]) for key, value in whole['state_dict'].items())
    assert torch.equal(whole['random_states'][0]['torch'], parts['random_states'][0]['torch'])


def test_a_longer_run_has_every_schedule_of_a_longer_run(run, tmp_path):
    """Learning rate, the teacher's momentum and its temperature."""
    longer = run('dos_second_synthetic', 'longer', 6)
    run('dos_second_synthetic', 'parts', 4)
    resumed = run('dos_second_synthetic', 'parts', 6)
    for name in ('lr', 'teacher_momentum'):
        wanted, found = (one.message_hub.get_scalar(f'train/{name}').data[0] for one in (longer, resumed))
        assert len(found) == 6 and np.array_equal(found[4:], wanted[4:])
    assert resumed.model.head.teacher_temperature == longer.model.head.teacher_temperature
