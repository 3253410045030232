"""Which errors a user is told in one sentence; schedules that scale; files that cannot be resumed or tested."""

import errno
import logging
from types import SimpleNamespace

import pytest
import torch
from mmengine.config import Config
from mmengine.model import BaseModel
from mmengine.registry import DATASETS, MODELS
from mmengine.runner import Runner

from dos_mm3d.engine import launch


def test_a_bug_keeps_its_traceback() -> None:
    def buggy() -> None:
        torch.zeros(2) @ torch.zeros(3)

    with pytest.raises(RuntimeError):
        launch.run_tool(buggy)


@pytest.mark.parametrize(
    ('error', 'told'),
    [
        (OSError(errno.ENOSPC, 'No space left on device'), True),
        (OSError('144090 requested and 0 written'), True),
        (OSError(errno.ENOSPC, 'No space left on device', 'out/a.bin'), False),
        (OSError(errno.EACCES, 'Permission denied'), False),
    ],
)
def test_a_full_disk_is_told_where_the_system_names_no_file(error: OSError, told: bool) -> None:
    assert ('no room is left' in launch.message_for_user(error)) == told


def test_a_port_in_use_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv('MASTER_PORT', '4711')
    first = torch.distributed.TCPStore('127.0.0.1', 0, is_master=True)
    with pytest.raises(torch.distributed.DistNetworkError) as caught:
        torch.distributed.TCPStore('127.0.0.1', first.port, is_master=True)
    assert 'port 4711 is in use' in launch.message_for_user(caught.value)
    told = launch.message_for_user(torch.distributed.DistNetworkError('bind: port: 80, name: EACCES, message: no'))
    assert told.startswith('port 4711 is not free to take') and '1024' in told
    assert launch.message_for_user(torch.distributed.DistNetworkError('Connection reset by peer')) is None


def test_a_log_without_room_is_no_traceback(capfd: pytest.CaptureFixture, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(logging, 'raiseExceptions', True)
    logger, handler = logging.getLogger('full'), logging.FileHandler('/dev/full')
    logger.addHandler(handler)

    def log() -> None:
        logger.warning('one line')
        raise OSError(errno.ENOSPC, 'No space left on device')

    with pytest.raises(SystemExit):
        launch.run_tool(log)
    logger.removeHandler(handler)
    message = capfd.readouterr().err
    assert 'Traceback' not in message and message.startswith('error: [Errno 28] No space left on device: no room')


class BadWorkerData(torch.utils.data.Dataset):
    """Fails in the worker: in an error of the package (0), or in a bug (1)."""

    def __len__(self) -> int:
        return 2

    def __getitem__(self, i: int) -> object:
        return launch.enable_auto_scale_lr({}) if i == 0 else torch.zeros(2) @ torch.zeros(3)


@pytest.mark.parametrize('index', [0, 1])
def test_errors_of_loader_workers_are_told_apart(index: int) -> None:
    loader = torch.utils.data.DataLoader(
        BadWorkerData(), num_workers=1, sampler=[index], multiprocessing_context='fork'
    )
    with pytest.raises((ValueError, RuntimeError)) as caught:
        next(iter(loader))
    message = launch.message_for_user(caught.value)
    if index == 0:
        assert message == '--auto-scale-lr needs auto_scale_lr = dict(base_batch_size=...) in the config; there is none'
    else:
        assert message is None


def test_auto_scale_lr_scales_the_peak_of_a_one_cycle_schedule():
    runner = SimpleNamespace(
        cfg=Config(dict(train_dataloader=dict(batch_size=6))),
        param_schedulers=[dict(type='OneCycleLR', eta_max=1e-3), dict(type='LinearLR')],
        auto_scale_lr=dict(base_batch_size=24),
    )
    launch.scale_peak_rates(runner)
    assert runner.param_schedulers == [dict(type='OneCycleLR', eta_max=2.5e-4), dict(type='LinearLR')]


def test_a_test_wants_every_parameter(tmp_path):
    from dos_mm3d.export.loading import require_fit

    model = torch.nn.Sequential(torch.nn.Linear(2, 3), torch.nn.Linear(3, 1))
    part = {name: value for name, value in model.state_dict().items() if name.startswith('0.')}
    torch.save(dict(state_dict=part), tmp_path / 'part.pth')
    assert set(require_fit(model, tmp_path / 'part.pth').matched) == set(part)
    with pytest.raises(ValueError, match=r'part\.pth: holds only a part.*2 parameters and statistics would stay'):
        require_fit(model, tmp_path / 'part.pth', complete=True)


def failing_when_built(values: dict) -> str | None:
    """What a user is told of a config that mmengine makes a run of."""
    loader = dict(dataset=dict(type='Empty'), sampler=dict(type='DefaultSampler', shuffle=False), batch_size=1)
    config = dict(
        work_dir=values.pop('work_dir'),
        model=dict(type='Toy'),
        train_dataloader=loader,
        train_cfg=dict(by_epoch=False, max_iters=1),
        optim_wrapper=dict(optimizer=dict(type='SGD', lr=0.1)),
        default_scope='mmengine',
        experiment_name=f'hostile {sorted(values.items())}',
    )
    cfg = Config(config)
    cfg.merge_from_dict(values)
    try:
        runner = Runner.from_cfg(cfg)
        runner.build_train_loop(runner._train_loop)
        runner.build_optim_wrapper(runner.optim_wrapper)
    except Exception as error:
        return launch.message_for_user(error)
    return ''


@pytest.fixture
def toys(monkeypatch: pytest.MonkeyPatch) -> None:
    class Toy(BaseModel):
        def __init__(self, width: int = 1) -> None:
            super().__init__()
            self.layer = torch.nn.Linear(width, 1)

        def forward(self, inputs=None, data_samples=None, mode='loss'):
            raise RuntimeError('a bug of ours')

    class Empty(torch.utils.data.Dataset):
        def __len__(self) -> int:
            return 3

        def __getitem__(self, index: int) -> dict:
            raise KeyError('a bug of ours')

    for registry, one in ((MODELS, Toy), (DATASETS, Empty)):
        monkeypatch.setitem(registry._module_dict, one.__name__, one)


@pytest.mark.parametrize(
    ('values', 'told'),
    [
        ({'val_cfg': dict(type='ValLoop')}, 'ValueError: val_dataloader, val_cfg, and val_evaluator should be'),
        ({'train_dataloader.timeout': -1}, 'ValueError: timeout option'),
        ({'train_dataloader.collate_fn': dict(type='nothing')}, 'TypeError: the first argument must be callable'),
        ({'optim_wrapper.accumulative_counts': 0}, 'OptimWrapper cannot be made of it: AssertionError'),
        ({'optim_wrapper.optimizer.momentum': -1}, 'SGD cannot be made of it: ValueError: Invalid momentum'),
        ({'model.width': 'wide'}, 'Toy cannot be made of it: TypeError'),
        ({'model.type': 'Toys'}, 'the config does not fit: Toys is not in the'),
        ({'default_hooks': dict(logger=dict(type='LoggerHook', interval=0))}, 'LoggerHook cannot be made of it'),
        ({'randomness.seed': -1}, 'ValueError: Seed must be'),
        ({}, ''),
    ],
)
def test_what_upstream_cannot_make_of_a_config_is_one_line(toys: None, tmp_path, values: dict, told: str) -> None:
    found = failing_when_built({**values, 'work_dir': str(tmp_path)})
    assert told in found and found.startswith('the config does not fit: ' if told else '')


def test_what_fails_while_something_runs_is_no_fault_of_the_config(toys: None) -> None:
    for run in (lambda: MODELS.build(dict(type='Toy'))(), lambda: DATASETS.build(dict(type='Empty'))[0]):
        with pytest.raises((RuntimeError, KeyError)) as caught:
            run()
        assert launch.message_for_user(caught.value) is None
