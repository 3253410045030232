"""Whole pretraining runs through tools/train.py: bit-identical repetition, kill -9 and resume, errors of a user."""

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch

from tests.helpers.forked import run_forked

ROOT = Path(__file__).resolve().parents[2]
TINY = f"""
_base_ = r'{ROOT}/configs/dos/dos_second_folder.py'
point_cloud_range = [-12.8, -12.8, -5.0, 12.8, 12.8, 3.0]
voxel_size = [0.2, 0.2, 0.2]
model = dict(
    backbone=dict(
        middle_encoder=dict(
            sparse_shape=[41, 128, 128], base_channels=8, output_channels=16,
            encoder_channels=((8, 8, 8), (8, 8, 16), (16, 16, 16), (16, 16)))),
    projector=dict(hidden_channels=32, out_channels=16),
    head=dict(channels=16, num_prototypes=32),
    data_preprocessor=dict(voxel_layer=dict(voxel_size=voxel_size, point_cloud_range=point_cloud_range)))
train_dataloader = dict(dataset=dict(pipeline=[
    _base_.pipeline[0],
    dict(type='BlockMask'),
    dict(type='PackViews')]))
train_cfg = dict(max_iters=4)
param_scheduler = [dict(type='OneCycleLR', eta_max=3e-3, total_steps=20, by_epoch=False)]
default_hooks = dict(logger=dict(interval=1), checkpoint=dict(interval=2, max_keep_ckpts=5))
"""
KILLER = """
import os, signal
from mmdet3d.registry import HOOKS
from mmengine.hooks import Hook

@HOOKS.register_module()
class KillAt(Hook):
    priority = 'LOWEST'
    def after_train_iter(self, runner, batch_idx, data_batch=None, outputs=None):
        if runner.iter + 1 == 3:
            os.kill(os.getpid(), signal.SIGKILL)
"""


@pytest.fixture(scope='module')
def folder(tmp_path_factory) -> Path:
    """Config and eight small sweeps with some structure: a floor, walls and boxes."""
    path = tmp_path_factory.mktemp('pretraining')
    (path / 'config.py').write_text(TINY)
    (path / 'sweeps').mkdir()
    for i in range(8):
        random = np.random.default_rng(i)
        floor = np.c_[random.uniform(-12, 12, (1500, 2)), random.normal(-1.7, 0.02, 1500)]
        wall = np.c_[random.uniform(-12, 12, 800), np.full(800, random.uniform(5, 11)), random.uniform(-1.7, 1.5, 800)]
        box = random.uniform(-1, 1, (500, 3)) + np.array([random.uniform(-8, 8), -5, -1])
        xyz = np.concatenate((floor, wall, box))
        np.save(path / 'sweeps' / f'{i}.npy', np.c_[xyz, random.uniform(0, 1, len(xyz))].astype(np.float32))
    return path


def command_line(folder: Path, work_dir: str, *arguments: str, options: tuple[str, ...] = ()) -> list[str]:
    command = [str(folder / 'config.py'), '--work-dir', str(folder / work_dir), *arguments]
    return [*command, '--cfg-options', f'data_root={folder / "sweeps"}', *options]


def train(
    folder: Path, work_dir: str, *arguments: str, options: tuple[str, ...] = ()
) -> subprocess.CompletedProcess[str]:
    command = command_line(folder, work_dir, *arguments, options=options)
    return run_forked('train', *command, environment={'PYTHONPATH': str(folder)})


def checkpoint(folder: Path, work_dir: str, iteration: int) -> dict:
    return torch.load(folder / work_dir / f'iter_{iteration}.pth', weights_only=False)


def assert_same_state(a: dict, b: dict) -> None:
    assert a['state_dict'].keys() == b['state_dict'].keys()
    for name, value in a['state_dict'].items():
        assert torch.equal(value, b['state_dict'][name]), name
    for mine, other in zip(a['optimizer']['state'].values(), b['optimizer']['state'].values(), strict=True):
        assert all(torch.equal(torch.as_tensor(mine[key]), torch.as_tensor(other[key])) for key in mine)


@pytest.fixture(scope='module')
def straight_run(folder) -> Path:
    done = train(folder, 'straight')
    assert done.returncode == 0, done.stderr[-3000:]
    return folder


def test_kill_9_and_resume_equal_an_uninterrupted_run(straight_run):
    """Teacher, prototypes, BatchNorm statistics, optimiser, schedules and data order all go on."""
    folder = straight_run
    (folder / 'kill_at.py').write_text(KILLER)
    config = (folder / 'config.py').read_text()
    killing = folder / 'config.py'
    killing.write_text(
        config
        + "custom_imports = dict(imports=['dos_mm3d', 'kill_at'], allow_failed_imports=False)\n"
        + "custom_hooks = [*_base_.custom_hooks, dict(type='KillAt')]\n"
    )
    killed = train(folder, 'killed')
    killing.write_text(config)
    assert killed.returncode == -9
    assert (folder / 'killed' / 'last_checkpoint').read_text().endswith('iter_2.pth')
    resumed = train(folder, 'killed', '--resume')
    assert resumed.returncode == 0, resumed.stderr[-3000:]
    one, other = checkpoint(folder, 'straight', 4), checkpoint(folder, 'killed', 4)
    assert_same_state(one, other)
    momenta = [c['message_hub']['log_scalars']['train/teacher_momentum'].data[0].tolist() for c in (one, other)]
    assert momenta[0] == momenta[1]


def test_eight_steps_twice_give_the_same_bits(folder):
    """On two threads, with a loader worker, from one seed."""
    options = ('train_cfg.max_iters=8', 'default_hooks.checkpoint.interval=8')
    environment = {**os.environ, 'OMP_NUM_THREADS': '2'}
    for name in ('first', 'second'):
        command = [sys.executable, str(ROOT / 'tools/train.py'), *command_line(folder, name, options=options)]
        done = subprocess.run(command, capture_output=True, text=True, env=environment, timeout=900)
        assert done.returncode == 0, done.stderr[-3000:]
    one, other = (checkpoint(folder, name, 8) for name in ('first', 'second'))
    assert_same_state(one, other)
    losses = [c['message_hub']['log_scalars']['train/loss'].data[0] for c in (one, other)]
    assert len(losses[0]) == 8
    assert np.array_equal(*losses)
    assert losses[0][0] != losses[0][7]


@pytest.mark.parametrize(
    ('options', 'words'),
    [
        (('data_root=nowhere',), ('nowhere',)),
        (('train_dataloader.dataset.pipeline.1.mask_ratio=1.5',), ('mask_ratio',)),
        (('model.head.n_iters=1',), ('n_iters must be >= 2',)),
    ],
)
def test_a_users_mistake_is_one_clear_message(folder, options, words):
    done = train(folder, 'mistake', options=options)
    assert done.returncode != 0
    last = done.stderr.strip().splitlines()[-1]
    assert last.startswith('error:'), done.stderr[-2000:]
    assert all(word in last for word in words), last


def test_amp_without_a_gpu_is_one_sentence(folder):
    if torch.cuda.is_available():
        pytest.skip('this machine has a GPU')
    done = train(folder, 'amp', '--amp')
    assert done.returncode != 0
    assert 'needs a GPU' in done.stderr.strip().splitlines()[-1]
