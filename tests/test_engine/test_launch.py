"""What the arguments of train.py and test.py do to a config, and which errors become one message."""

import argparse
import logging
import os
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch
from mmdet3d.registry import HOOKS
from mmengine.config import Config
from mmengine.logging import MMLogger

from dos_mm3d.engine import launch
from dos_mm3d.functional.clustering import balanced_assignment


@pytest.fixture
def arguments(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """Parse a command line that begins with a config of this text."""
    monkeypatch.setenv('LOCAL_RANK', '0')
    monkeypatch.delenv('LOCAL_RANK')  # set by the code under test: put back as it was, whatever happens

    def parse(text: str, *rest: str) -> argparse.Namespace:
        (tmp_path / 'job.py').write_text(text)
        parser = argparse.ArgumentParser()
        launch.add_common_arguments(parser)
        return parser.parse_args([str(tmp_path / 'job.py'), *rest])

    return parse


def test_a_launcher_among_the_options_is_refused_since_the_argument_decides(arguments):
    with pytest.raises(ValueError, match='launcher=pytorch would change nothing: say --launcher pytorch'):
        launch.load_config(arguments('x = 1\n', '--cfg-options', 'launcher=pytorch'))


def test_work_dir_is_the_arguments_then_the_configs_then_the_configs_name(arguments):
    own = "work_dir = 'mine'\n"
    assert launch.load_config(arguments(own, '--work-dir', 'given')).work_dir == 'given'
    assert launch.load_config(arguments(own)).work_dir == 'mine'
    assert launch.load_config(arguments('work_dir = None\n')).work_dir == str(Path('work_dirs') / 'job')


def test_an_empty_work_dir_is_refused_and_home_is_put_in(arguments, monkeypatch, capsys):
    with pytest.raises(SystemExit):
        launch.load_config(arguments('x = 1\n', '--work-dir', ''))
    assert '--work-dir: an empty path' in capsys.readouterr().err
    with pytest.raises(ValueError, match='work_dir is empty: name a folder'):
        launch.load_config(arguments('work_dir = None\n', '--cfg-options', 'work_dir='))
    monkeypatch.setenv('HOME', '/home/someone')
    assert launch.load_config(arguments('x = 1\n', '--work-dir=~/run')).work_dir == '/home/someone/run'


@pytest.mark.parametrize('spelling', ['--local_rank', '--local-rank'])
def test_the_local_rank_of_an_old_launcher_reaches_mmengine_and_torchruns_wins(arguments, monkeypatch, spelling):
    monkeypatch.setenv('WORLD_SIZE', '1')
    monkeypatch.setenv('RANK', '0')
    monkeypatch.setenv('MASTER_ADDR', '127.0.0.1')
    monkeypatch.setenv('MASTER_PORT', '29500')
    cfg = launch.load_config(arguments('x = 1\n', spelling, '3', '--launcher', 'pytorch'))
    assert os.environ['LOCAL_RANK'] == '3'
    assert cfg.launcher == 'pytorch'
    monkeypatch.setenv('LOCAL_RANK', '5')
    launch.load_config(arguments('x = 1\n', spelling, '3'))
    assert os.environ['LOCAL_RANK'] == '5'


def wrapper(**settings) -> Config:
    return Config(dict(optim_wrapper=dict(optimizer=dict(lr=1.0), **settings)))


def test_amp_switches_the_wrapper_with_dynamic_scaling():
    for cfg in (wrapper(type='OptimWrapper'), wrapper(type='BFloat16OptimWrapper'), wrapper()):
        launch.enable_amp(cfg)
        assert cfg.optim_wrapper == dict(type='AmpOptimWrapper', loss_scale='dynamic', optimizer=dict(lr=1.0))


def test_amp_leaves_a_wrapper_that_has_it_and_refuses_any_other():
    cfg = wrapper(type='AmpOptimWrapper', loss_scale=512.0)
    launch.enable_amp(cfg)
    assert cfg.optim_wrapper.loss_scale == 512.0
    with pytest.raises(ValueError, match='this config has ApexOptimWrapper; leave --amp out'):
        launch.enable_amp(wrapper(type='ApexOptimWrapper'))


def test_auto_scale_lr_is_switched_on():
    cfg = Config(dict(auto_scale_lr=dict(enable=False, base_batch_size=24)))
    launch.enable_auto_scale_lr(cfg)
    assert cfg.auto_scale_lr == dict(enable=True, base_batch_size=24)


def test_the_peak_rate_counts_all_ranks(monkeypatch):
    monkeypatch.setattr(launch, 'get_world_size', lambda: 8)
    runner = SimpleNamespace(
        cfg=Config(dict(train_dataloader=dict(batch_size=6))),
        param_schedulers=[dict(eta_max=1e-3)],
        auto_scale_lr=dict(base_batch_size=24),
    )
    launch.scale_peak_rates(runner)
    assert runner.param_schedulers == [dict(eta_max=pytest.approx(2e-3))]


def test_a_config_may_name_another_runner(monkeypatch):
    built, hooks = [], []

    def build(what: object) -> SimpleNamespace:
        built.append(what)
        return SimpleNamespace(register_hook=hooks.append)

    monkeypatch.setattr(launch, 'RUNNERS', SimpleNamespace(build=build))
    monkeypatch.setattr(launch, 'Runner', SimpleNamespace(from_cfg=lambda cfg: build('default')))
    for cfg in (Config(dict(runner_type='Other')), Config(dict(model=1))):
        launch.build_runner(cfg)
    assert built[0].runner_type == 'Other' and built[1] == 'default'


def ours() -> None:
    launch.enable_auto_scale_lr({})


def missing_file() -> None:
    Path('nowhere/at/all.bin').read_bytes()


@pytest.mark.parametrize('main', [ours, missing_file])
def test_a_users_mistake_ends_with_status_1_and_its_traceback_goes_to_the_log(tmp_path, monkeypatch, capsys, main):
    monkeypatch.delenv('DOS_TRACEBACK', raising=False)
    log = tmp_path / 'run.log'
    MMLogger.get_instance(f'launch_{tmp_path.name}', logger_name='launch', log_file=str(log), log_level=logging.INFO)
    with pytest.raises(SystemExit) as stop:
        launch.run_tool(main)
    assert stop.value.code == 1
    shown = capsys.readouterr().err
    assert shown.startswith('error: ') and shown.count('\n') == 1
    assert 'Traceback (most recent call last)' in log.read_text() and main.__name__ in log.read_text()


def test_dos_traceback_shows_it_on_the_screen(monkeypatch):
    monkeypatch.setenv('DOS_TRACEBACK', '1')
    with pytest.raises(ValueError, match='base_batch_size'):
        launch.run_tool(ours)


def test_a_tensor_of_a_wrong_shape_inside_the_loss_is_a_bug():
    for wrong in (
        lambda: balanced_assignment(torch.zeros(3), n_iters=3),
        lambda: launch.enable_amp(None),
    ):
        with pytest.raises(Exception) as caught:
            wrong()
        assert launch.message_for_user(caught.value) is None


@pytest.mark.parametrize(
    ('config', 'message'),
    [
        (dict(type='DataWaitHok'), 'DataWaitHok is not in the'),
        (dict(type='DataWaitHook', limt=0.1), "unexpected keyword argument 'limt'"),
    ],
)
def test_a_config_that_names_no_class_or_no_argument_is_the_users(config, message):
    with pytest.raises((KeyError, TypeError)) as caught:
        HOOKS.build(config)
    assert message in launch.message_for_user(caught.value)


def test_a_bug_in_what_the_registry_builds_is_none_of_the_users():
    @HOOKS.register_module(name='Buggy', force=True)
    class Buggy:
        def __init__(self) -> None:
            dict(known=1)['unknown']

    with pytest.raises(KeyError) as caught:
        HOOKS.build(dict(type='Buggy'))
    HOOKS.module_dict.pop('Buggy')
    assert launch.message_for_user(caught.value) is None


def test_a_broken_pipe_between_processes_is_a_bug_and_a_full_disk_is_not():
    assert launch.message_for_user(BrokenPipeError(32, 'Broken pipe')) is None
    assert 'No space left' in launch.message_for_user(OSError(28, 'No space left on device'))


def test_a_tools_own_status_is_kept():
    with pytest.raises(SystemExit, match='3'):
        launch.run_tool(lambda: 3)
    launch.run_tool(lambda: 0)
