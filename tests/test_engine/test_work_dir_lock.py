"""One run at a time may write in a work_dir."""

import contextlib
import errno
import fcntl
import os
import signal
import time
from collections.abc import Iterator

import pytest

from dos_mm3d.engine.work_dir import held
from dos_mm3d.errors import UserError


@pytest.fixture
def holder(tmp_path) -> Iterator[int]:
    """Number of a process that trains in `run`; a child of its own, as a loader worker, lives on for a while after a
    kill."""
    told, tell = os.pipe()
    pid = os.fork()
    if pid == 0:
        os.setsid()
        with held(tmp_path / 'run'):
            if os.fork():
                os.write(tell, b'held')
            time.sleep(60)
        os._exit(0)
    assert os.read(told, 4) == b'held'
    yield pid
    with contextlib.suppress(ProcessLookupError):
        os.killpg(pid, signal.SIGKILL)
    with contextlib.suppress(ChildProcessError):
        os.waitpid(pid, 0)
    os.close(told)
    os.close(tell)


def test_a_second_run_is_refused_until_the_first_one_has_died(tmp_path, holder):
    words = rf'run: another training works there \(process {holder} on .*--work-dir'
    with pytest.raises(UserError, match=words), held(tmp_path / 'run'):
        pass
    (tmp_path / 'link').symlink_to(tmp_path / 'run')
    with pytest.raises(UserError), held(tmp_path / 'link'):
        pass
    os.kill(holder, signal.SIGKILL)
    os.waitpid(holder, 0)
    with held(tmp_path / 'run'):
        pass


def test_other_ranks_of_a_run_do_not_ask(tmp_path, holder, monkeypatch):
    monkeypatch.setenv('RANK', '1')
    monkeypatch.setenv('WORLD_SIZE', '2')
    with held(tmp_path / 'run'):
        pass


def test_a_file_system_without_locks_is_no_obstacle(tmp_path, monkeypatch, capsys):
    def refuse(*_):
        raise OSError(errno.ENOLCK, 'No locks available')

    monkeypatch.setattr(fcntl, 'lockf', refuse)
    with held(tmp_path / 'run'):
        pass
    assert 'no locks in this file system (No locks available); start no second run' in capsys.readouterr().err


def test_a_file_in_place_of_the_folder_is_said(tmp_path):
    (tmp_path / 'file').write_text('')
    for folder in (tmp_path / 'file', tmp_path / 'file/run'):
        with (
            pytest.raises(UserError, match=r'is no folder, or lies below a file; take another --work-dir'),
            held(folder),
        ):
            pass
