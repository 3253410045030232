"""A tool of this repository as a process that can be disturbed: at a moment of its own, then killed, or robbed.

It runs in a fork of this process, which has imported everything: what is disturbed is then the tool's work, not the
seconds in which Python imports torch.
"""

import contextlib
import ctypes
import os
import resource
import runpy
import signal
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from ..runner.children import Child
from .outcomes import Ended

LIMIT_S = 600.0
"""For one call, which takes seconds, or two minutes on a machine that does much else."""
LOOK_S = 0.002
PR_SET_CHILD_SUBREAPER = 36


@dataclass(frozen=True)
class Moment:
    """When something happens to a tool: after so many seconds, or when so many changes were seen in a folder.

    A change is a file that appears, grows or is replaced: half of all moments thus fall into writes.

    Args:
        seconds: after the start; None where changes are counted.
        changes: of the files below `folder`.
        folder: that is watched.
    """

    seconds: float | None
    changes: int = 0
    folder: Path | None = None

    def watch(self) -> Callable[[], bool]:
        """A function that says whether it has come; the clock starts here."""
        start = time.monotonic()
        if self.seconds is not None:
            return lambda: time.monotonic() >= start + self.seconds
        counter = Changes(self.folder)
        return lambda: counter.look() >= self.changes


class Changes:
    """Counts how often a file below a folder appears, grows or is replaced."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.seen, self.count = folder, {}, 0
        self.look()
        self.count = 0

    def look(self) -> int:
        """Changes since the start."""
        for path, state in _files(self.folder):
            if self.seen.get(path) != state:
                self.seen[path] = state
                self.count += 1
        return self.count


def _files(folder: Path) -> Iterator[tuple[str, tuple[int, int]]]:
    """Every file below a folder, with its number and size; what vanishes meanwhile is left out."""
    with contextlib.suppress(FileNotFoundError, NotADirectoryError):
        for entry in os.scandir(folder):
            if entry.is_dir(follow_symlinks=False):
                yield from _files(entry.path)
                continue
            with contextlib.suppress(FileNotFoundError):
                stat = entry.stat(follow_symlinks=False)
                yield entry.path, (stat.st_ino, stat.st_size)


def run(
    arguments: Sequence[str],
    log: Path,
    *,
    moment: Moment | None = None,
    then: Callable[[], object] | None = None,
    file_limit: int | None = None,
    while_running: Callable[[], object] = lambda: None,
) -> Ended:
    """Run a tool to its end, or to what happens to it.

    Args:
        arguments: script, from the repository's root, and its arguments.
        log: gets all that it prints.
        moment: when it is disturbed.
        then: what happens at the moment, once; None: its process group gets SIGKILL.
        file_limit: bytes that a file of it may have.
        while_running: called all the time.
    """
    log.parent.mkdir(parents=True, exist_ok=True)
    with open(log, 'ab') as file:
        begin = file.tell()
        has_come = (lambda: False) if moment is None else moment.watch()
        child = Child(partial(_call, arguments, file_limit), file, None)
        killed, end = False, time.monotonic() + LIMIT_S
        while child.poll() is None and time.monotonic() < end:
            while_running()
            if has_come():
                has_come = lambda: False  # noqa: E731
                if then is None:
                    child.signal(signal.SIGKILL)
                    killed = True
                else:
                    then()
            time.sleep(LOOK_S)
        status = child.poll()
        if status is None:
            child.end()
    with open(log, 'rb') as file:
        file.seek(begin)
        return Ended(status, file.read().decode(errors='replace'), killed and status == -signal.SIGKILL)


def _call(arguments: Sequence[str], file_limit: int | None) -> None:
    """In the forked process: what `python SCRIPT ARGUMENTS` does."""
    if file_limit is not None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (file_limit, resource.getrlimit(resource.RLIMIT_FSIZE)[1]))
    sys.argv = list(arguments)
    try:
        runpy.run_path(arguments[0], run_name='__main__')
    except SystemExit as end:  # which is no traceback
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(end.code if isinstance(end.code, int) else bool(end.code))


def adopt_orphans() -> None:
    """What a killed process leaves behind becomes this process's child, so that it can be waited for and ended, also
    where this one is ended from outside."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))  # which the blocks that end them see
    ctypes.CDLL(None, use_errno=True).prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)


def descendants() -> list[int]:
    """Processes below this one that are not at their end."""
    parents: dict[int, int] = {}
    for entry in Path('/proc').glob('[0-9]*/stat'):
        with contextlib.suppress(OSError):
            state, parent = entry.read_text().rpartition(')')[2].split()[:2]
            if state != 'Z':
                parents[int(entry.parent.name)] = int(parent)
    below, found = {os.getpid()}, []
    while new := [pid for pid, parent in parents.items() if parent in below and pid not in below]:
        below |= set(new)
        found += new
    return found


def wait_for_orphans(limit_s: float = LIMIT_S) -> None:
    """Let what a killed tool left behind come to its end."""
    end = time.monotonic() + limit_s
    while descendants() and time.monotonic() < end:
        _reap()
        time.sleep(0.05)


def kill_orphans() -> None:
    """SIGKILL for all that is left below this process."""
    while left := descendants():
        for pid in left:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        _reap()
        time.sleep(0.01)
    _reap()


def _reap() -> None:
    with contextlib.suppress(ChildProcessError):
        while os.waitpid(-1, os.WNOHANG)[0]:
            pass
