"""Which errors a user is told in one sentence; schedules that scale; files that cannot be resumed or tested."""

import errno
import logging
from types import SimpleNamespace

import pytest
import torch
from mmengine.config import Config

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
