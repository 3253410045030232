"""Commands of several workers at once: logged, ended together, and never two runs in one folder."""

import contextlib
import fcntl
import os
import shlex
import signal
import subprocess
import threading
from collections.abc import Sequence
from pathlib import Path

ONE_THREAD = {'OMP_NUM_THREADS': '1', 'MKL_NUM_THREADS': '1', 'OMP_WAIT_POLICY': 'PASSIVE'}
PATIENCE_S = 10.0


class Interrupted(Exception):
    """The work is being ended: what was running has been ended too, and says nothing about its cell."""


class Children:
    """Runs commands on one thread each, in process groups of their own, so that `end` ends all that they started.

    lock: an open file that this process holds a lock on. The children inherit it: while one that outlives its parent
    (a kill -9) still writes, the folder stays locked.
    """

    def __init__(self, lock) -> None:
        self.lock = lock
        self.guard = threading.Lock()
        self.running: set[subprocess.Popen] = set()
        self.ending = False

    def run(self, command: Sequence[str], log: Path) -> tuple[int, str]:
        """Exit status of a command and what it printed, which is also appended to `log`.

        Interrupted where the command was ended, or not begun, because of `end`.
        """
        log.parent.mkdir(parents=True, exist_ok=True)
        with open(log, 'ab') as file:
            file.write(f'\n$ {shlex.join(command)}\n'.encode())
            file.flush()
            begin = file.tell()
            process = self._start(command, file)
            try:
                process.wait()
            finally:
                with self.guard:
                    self.running.discard(process)
        if self.ending:
            raise Interrupted
        with open(log, 'rb') as file:
            file.seek(begin)
            return process.returncode, file.read().decode(errors='replace')

    def _start(self, command: Sequence[str], file) -> subprocess.Popen:
        environment = {**os.environ, **ONE_THREAD, 'PYTHONUNBUFFERED': '1', 'PYTHONWARNINGS': 'ignore'}
        environment['PYTHONPATH'] = os.pathsep.join([os.getcwd(), *filter(None, [os.environ.get('PYTHONPATH')])])
        with self.guard:
            if self.ending:
                raise Interrupted
            process = subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=file,
                stderr=subprocess.STDOUT,
                env=environment,
                start_new_session=True,
                pass_fds=(self.lock.fileno(),),
            )
            self.running.add(process)
            self.lock.write(f'{process.pid}\n')
            self.lock.flush()
        return process

    def end(self) -> None:
        """End everything that runs, politely first; nothing is started afterwards."""
        with self.guard:
            self.ending = True
            processes = list(self.running)
        for process in processes:
            _signal_group(process, signal.SIGTERM)
        for process in processes:
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(PATIENCE_S)
            _signal_group(process, signal.SIGKILL)


def _signal_group(process: subprocess.Popen, number: signal.Signals) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, number)


@contextlib.contextmanager
def locked(folder: Path, *, what: str = 'ladder'):
    """The open lock file of a folder, held until the block and all children have ended.

    what: kind of work, for the message.  BlockingIOError, naming the processes, where another one like it, or a child
    that outlived one, holds it.
    """
    folder.mkdir(parents=True, exist_ok=True)
    with open(folder / 'lock', 'a+') as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            file.seek(0)
            alive = [pid for pid in file.read().split() if _alive(int(pid))]
            raise BlockingIOError(
                f'{folder} is in use by another {what}, or by a cell that a killed one left behind '
                f'(processes {", ".join(alive) or "unknown"}): wait for it, end it, or take another --out'
            ) from None
        file.seek(0)
        file.truncate()
        file.write(f'{os.getpid()}\n')
        file.flush()
        yield file


def _alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True
