"""tools/train.py: what --amp, --resume and --auto-scale-lr do, and what is checked before a run starts."""

import importlib
import sys
from pathlib import Path
from types import ModuleType, SimpleNamespace

import pytest
import torch

from dos_mm3d.engine import launch
from dos_mm3d.errors import UserError

ROOT = Path(__file__).resolve().parents[2]
CONFIG = """
model = dict({model})
train_dataloader = dict(batch_size=2, dataset=dict(type='Data'), sampler=dict(type='DefaultSampler'))
train_cfg = dict(by_epoch=False, max_iters=4)
optim_wrapper = dict(type='OptimWrapper')
auto_scale_lr = dict(base_batch_size=4)
load_from = {load_from!r}
"""
LOOKS = ('warn_of_other_input', 'warn_of_other_heads')


@pytest.fixture
def train() -> ModuleType:
    return importlib.import_module('dos_mm3d.cli.train')


@pytest.fixture
def start(train, tmp_path, monkeypatch):
    """Run main() on a config with a runner that does nothing; returns (config, what was done in order)."""

    def run(*arguments: str, model: str = '', load_from: str | None = None) -> tuple:
        done, configs = [], []
        (tmp_path / 'job.py').write_text(CONFIG.format(model=model, load_from=load_from))
        monkeypatch.setenv('LOCAL_RANK', '0')
        monkeypatch.setattr(
            sys, 'argv', ['train.py', str(tmp_path / 'job.py'), '--work-dir', str(tmp_path), *arguments]
        )
        hooks = SimpleNamespace(register_hook=lambda hook: done.append((type(hook).__name__, Path(hook.source).name)))
        runner = SimpleNamespace(model='the model', train=lambda: done.append('train'), **vars(hooks))
        monkeypatch.setattr(launch, 'build_runner', lambda cfg: configs.append(cfg) or runner)
        monkeypatch.setattr(launch, 'get_device', lambda: 'cuda')
        monkeypatch.setattr(launch, 'scale_peak_rates', lambda runner: done.append('scale'))
        monkeypatch.setattr(train, 'require_fit', lambda model, path: done.append(('fit', model, Path(path).name)))
        for look in LOOKS:  # there is no such file
            monkeypatch.setattr(train, look, lambda *given, look=look: done.append(look))
        train.main()
        return configs[0], done

    return run


def leave_checkpoint(path: Path) -> str:
    path.parent.mkdir(exist_ok=True)
    torch.save(dict(state_dict={}, meta={}, message_hub={}, optimizer={}), path)
    return str(path)


def test_a_plain_start_checks_nothing_and_trains(start):
    cfg, done = start()
    assert done == ['train']
    assert not cfg.get('resume')
    assert 'enable' not in cfg.auto_scale_lr and cfg.optim_wrapper.type == 'OptimWrapper'


def test_a_teacher_that_nothing_moves_is_not_trained(start, train, monkeypatch):
    def refuse(runner):
        raise UserError('no hook')

    monkeypatch.setattr(train, 'require_moved_teacher', refuse)
    with pytest.raises(UserError, match='no hook'):
        start()


def test_weights_to_start_from_must_fit_before_anything_is_trained(start):
    assert start(load_from='other.pth')[1] == [('fit', 'the model', 'other.pth'), *LOOKS, 'train']
    pretrained = "init_cfg=dict(type='Pretrained', checkpoint='backbone.pth')"
    assert start(model=pretrained)[1] == [('fit', 'the model', 'backbone.pth'), *LOOKS, 'train']
    assert start(model="init_cfg=dict(type='Kaiming')")[1] == ['train']


def test_resume_goes_on_from_the_newest_and_not_from_load_from(start, tmp_path):
    newest = leave_checkpoint(tmp_path / 'iter_7.pth')
    cfg, done = start('--resume', load_from='other.pth')
    assert cfg.resume is True and cfg.load_from == newest
    assert done == [('GoOnHook', 'iter_7.pth'), 'train']


def test_the_first_start_of_a_job_that_always_says_resume_keeps_load_from(start):
    cfg, done = start('--resume', load_from='other.pth')
    assert cfg.resume is False and cfg.load_from == 'other.pth'
    assert done == [('fit', 'the model', 'other.pth'), *LOOKS, 'train']


def test_resume_from_a_path(start, tmp_path):
    elsewhere = leave_checkpoint(tmp_path / 'elsewhere' / 'iter_3.pth')
    cfg, done = start('--resume', elsewhere, load_from='other.pth')
    assert cfg.resume is True and cfg.load_from == elsewhere
    assert done == [('GoOnHook', 'iter_3.pth'), 'train']


def test_nothing_is_built_where_a_new_run_would_replace_checkpoints(start, tmp_path):
    leave_checkpoint(tmp_path / 'iter_7.pth')
    with pytest.raises(UserError, match=r'newest iter_7\.pth'):
        start()


def test_amp_and_auto_scale_lr_reach_config_and_schedules(start):
    cfg, done = start('--amp', '--auto-scale-lr')
    assert cfg.optim_wrapper.type == 'AmpOptimWrapper'
    assert cfg.auto_scale_lr.enable is True
    assert done == ['scale', 'train']
