"""Commands of several workers at once: logged, ended together, and never two studies in one folder."""

import contextlib
import fcntl
import math
import os
import shlex
import signal
import subprocess
import sys
import threading
import time
import traceback
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import IO, NoReturn

from .cell import Command

PATIENCE_S = 10.0
POLL_S = 0.05


class Interrupted(Exception):
    """The work is being ended: what was running has been ended too, and says nothing about its cell."""


class Children:
    """Runs commands in process groups of their own, so that `end` ends all that they started.

    Args:
        lock: an open file that this process holds a lock on. The children inherit it: while one that outlives its
            parent (a kill -9) still writes, the folder stays locked.
    """

    def __init__(self, lock: IO[str]) -> None:
        self.lock = lock
        self.guard = threading.Lock()
        self.running: set[subprocess.Popen | ForkedCall] = set()
        self.ending = False

    def run(
        self, command: Command, log: Path, *, threads: int | None = 1, limit_s: float | None = None
    ) -> tuple[int | None, str]:
        """Exit status of a command and what it printed, which is also appended to `log`.

        Args:
            command: arguments of a program, or a function to call.
            log: of all commands of a cell.
            threads: that a program may use; None: as many as it likes. A function sees to it by itself.
            limit_s: the command is ended after so many seconds; its status is None then.

        Interrupted where the command was ended, or not begun, because of `end`.
        """
        log.parent.mkdir(parents=True, exist_ok=True)
        with open(log, 'ab') as file:
            file.write(f'\n$ {shown(command)}\n'.encode())
            file.flush()
            begin = file.tell()
            child = self._start(command, file, threads)
            try:
                status = child.wait(limit_s)
            except subprocess.TimeoutExpired:
                status = None
                end_group(child)
            finally:
                with self.guard:
                    self.running.discard(child)
        if self.ending:
            raise Interrupted
        with open(log, 'rb') as file:
            file.seek(begin)
            return status, file.read().decode(errors='replace')

    def _start(self, command: Command, file: IO[bytes], threads: int | None) -> 'subprocess.Popen | ForkedCall':
        with self.guard:
            if self.ending:
                raise Interrupted
            if callable(command):
                child = ForkedCall(command, file)
            else:
                child = subprocess.Popen(
                    command,
                    stdin=subprocess.DEVNULL,
                    stdout=file,
                    stderr=subprocess.STDOUT,
                    env=environment(threads),
                    start_new_session=True,
                    pass_fds=(self.lock.fileno(),),
                )
            self.running.add(child)
            self.lock.write(f'{child.pid}\n')
            self.lock.flush()
        return child

    def end(self) -> None:
        """End everything that runs, politely first; nothing is started afterwards."""
        with self.guard:
            self.ending = True
            children = list(self.running)
        for child in children:
            _signal_group(child.pid, signal.SIGTERM)
        for child in children:
            end_group(child)


class ForkedCall:
    """A function that runs in a forked process, in the part of subprocess.Popen's shape that is needed here."""

    def __init__(self, function: Callable[[], None], log: IO[bytes]) -> None:
        self.guard = threading.Lock()
        self.status: int | None = None
        sys.stdout.flush()  # else the child would print it once more
        self.pid = os.fork()
        if self.pid == 0:
            _call(function, log.fileno())

    def wait(self, timeout: float | None = None) -> int:
        """Exit status; subprocess.TimeoutExpired where it is still running then."""
        end = time.monotonic() + (math.inf if timeout is None else timeout)
        while (status := self.poll()) is None:
            if time.monotonic() > end:
                raise subprocess.TimeoutExpired('function', timeout)
            time.sleep(POLL_S)
        return status

    def poll(self) -> int | None:
        """Exit status, None while it runs. What it left running itself ends with it."""
        with self.guard:
            if self.status is None:
                ended, status = os.waitpid(self.pid, os.WNOHANG)
                if ended:
                    self.status = os.waitstatus_to_exitcode(status)
                    _signal_group(self.pid, signal.SIGKILL)
            return self.status


def _call(function: Callable[[], None], log: int) -> NoReturn:
    """In the forked process: call, with everything that is printed, by compiled code too, in the log; and end, without
    what this process would do at its end: the threads that it waits for are not here."""
    status = 1
    try:
        os.setsid()
        signal.signal(signal.SIGTERM, signal.SIG_DFL)  # the parent may take it for Ctrl-C
        os.dup2(log, 1)
        os.dup2(log, 2)
        with (
            open(log, 'w', buffering=1, closefd=False) as file,
            contextlib.redirect_stdout(file),
            contextlib.redirect_stderr(file),
        ):
            try:
                function()
                status = 0
            except BaseException:
                traceback.print_exc()
    finally:
        os._exit(status)


def environment(threads: int | None) -> dict[str, str]:
    """Of a child: this process's, the package importable from where we are, so many threads that wait without
    spinning."""
    found = {**os.environ, 'PYTHONUNBUFFERED': '1', 'PYTHONWARNINGS': 'ignore'}
    found['PYTHONPATH'] = os.pathsep.join([os.getcwd(), *filter(None, [os.environ.get('PYTHONPATH')])])
    if threads is not None:
        found |= {'OMP_NUM_THREADS': str(threads), 'MKL_NUM_THREADS': str(threads), 'OMP_WAIT_POLICY': 'PASSIVE'}
    return found


def shown(command: Command) -> str:
    """A command as a user would type it in this folder: relative paths, no absolute interpreter."""
    if callable(command):
        return getattr(command, '__name__', None) or f'{getattr(command, "func", command).__name__}(...)'
    here = f'{Path.cwd()}{os.sep}'
    first = Path(command[0]).name if command[0] == sys.executable else command[0]
    return shlex.join(part.replace(here, '') for part in [first, *command[1:]])


def end_group(child: 'subprocess.Popen | ForkedCall') -> None:
    """End a command and its children, politely first, and wait for it."""
    _signal_group(child.pid, signal.SIGTERM)
    with contextlib.suppress(subprocess.TimeoutExpired):
        child.wait(PATIENCE_S)
    _signal_group(child.pid, signal.SIGKILL)
    child.wait()


def _signal_group(pid: int, number: signal.Signals) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.killpg(pid, number)


@contextlib.contextmanager
def locked(folder: Path, *, what: str = 'study') -> Iterator[IO[str]]:
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
            alive = [pid for pid in file.read().split() if Path('/proc', pid).exists()]
            raise BlockingIOError(
                f'{folder} is in use by another {what}, or by a cell that a killed one left behind '
                f'(processes {", ".join(alive) or "unknown"}): wait for it, end it, or take another folder'
            ) from None
        file.seek(0)
        file.truncate()
        file.write(f'{os.getpid()}\n')
        file.flush()
        yield file
