"""Commands of several workers at once: logged, ended together, and never two studies in one folder."""

import contextlib
import fcntl
import os
import shlex
import signal
import sys
import threading
import time
import traceback
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import IO, NoReturn

from ...progress import LINE_S
from ..project import INSTALLED, ROOT

Command = Sequence[str] | Callable[[], None]
"""Arguments of a program, or a function that is called in a forked process: it need not import anything again."""
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
        os.set_inheritable(lock.fileno(), True)
        self.guard = threading.Lock()
        self.running: set[Child] = set()
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
            child = self.start(command, file, threads)
            status = child.wait(limit_s)
            if status is None:
                child.end()
            with self.guard:
                self.running.discard(child)
        if self.ending:
            raise Interrupted
        with open(log, 'rb') as file:
            file.seek(begin)
            return status, file.read().decode(errors='replace')

    def start(self, command: Command, log: IO[bytes], threads: int | None) -> 'Child':
        """Begin a command; its process is named in the lock file."""
        with self.guard:
            if self.ending:
                raise Interrupted
            child = Child(command, log, threads)
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
            child.signal(signal.SIGTERM)
        for child in children:
            child.end()


class Child:
    """A command in a forked process that leads a group of its own."""

    def __init__(self, command: Command, log: IO[bytes], threads: int | None) -> None:
        self.guard = threading.Lock()
        self.status: int | None = None
        sys.stdout.flush()  # else the child would print it once more
        self.pid = os.fork()
        if self.pid == 0:
            _become(command, log.fileno(), threads)

    def wait(self, limit_s: float | None = None) -> int | None:
        """Exit status; None where it is still running after so many seconds."""
        start = time.monotonic()
        while (status := self.poll()) is None and (limit_s is None or time.monotonic() < start + limit_s):
            time.sleep(POLL_S)
        return status

    def poll(self) -> int | None:
        """Exit status, None while it runs. What it left running itself ends with it."""
        with self.guard:
            if self.status is None:
                ended, status = os.waitpid(self.pid, os.WNOHANG)
                if ended:
                    self.status = os.waitstatus_to_exitcode(status)
                    self.signal(signal.SIGKILL)
            return self.status

    def end(self) -> None:
        """End it and its children, politely first, and wait for it."""
        self.signal(signal.SIGTERM)
        self.wait(PATIENCE_S)
        self.signal(signal.SIGKILL)
        self.wait()

    def signal(self, number: signal.Signals) -> None:
        """To the whole group, if there is any of it left."""
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.pid, number)


def _become(command: Command, log: int, threads: int | None) -> NoReturn:
    """In the forked process: run the program, or call, with everything that is printed, by compiled code too, in the
    log; and end, without what this process would do at its end: the threads that it waits for are not here."""
    status = 1
    try:
        os.setsid()
        for number in (signal.SIGTERM, signal.SIGPIPE):  # the parent may take the first for Ctrl-C
            signal.signal(number, signal.SIG_DFL)
        os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
        os.dup2(log, 1)
        os.dup2(log, 2)
        with (
            open(log, 'w', buffering=1, closefd=False) as file,
            contextlib.redirect_stdout(file),
            contextlib.redirect_stderr(file),
        ):
            try:
                if not callable(command):
                    os.execvpe(command[0], command, environment(threads))
                command()
                status = 0
            except SystemExit as end:  # as Python itself ends with one
                if isinstance(end.code, str):
                    print(end.code, file=sys.stderr)
                else:
                    status = end.code or 0
            except BaseException:
                traceback.print_exc()
    finally:
        os._exit(status)


def environment(threads: int | None) -> dict[str, str]:
    """Of a child: this process's, with the same package where that is a checkout's, so many threads that wait without
    spinning."""
    found = {**os.environ, 'PYTHONUNBUFFERED': '1', 'PYTHONWARNINGS': 'ignore', 'TQDM_MININTERVAL': str(LINE_S)}
    if ROOT != INSTALLED:
        found['PYTHONPATH'] = os.pathsep.join([str(ROOT), *filter(None, [os.environ.get('PYTHONPATH')])])
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
