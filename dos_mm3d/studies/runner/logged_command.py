"""Commands whose output goes to a log and whose progress is shown; several of them at a time."""

import contextlib
import os
import re
import shlex
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

from ...errors import UserError

QUIET_S = 20.0  # between two lines of progress where there is no terminal
BAR_WIDTH = 24
_COUNT = re.compile(r'\[\s*(\d+)/(\d+)\]|\b(\d+)/(\d+) \[')
_ESCAPES = re.compile(r'\x1b\[[0-9;]*[A-Za-z]')


class StageFailed(UserError, RuntimeError):
    """A command of a stage ended with an error; the message says where its log is and how it ended."""


class Screen:
    """Shows the latest progress of every running command: one shared line on a terminal, else a line now and then."""

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.terminal = sys.stdout.isatty()
        self.latest: dict[str, str] = {}
        self.shown_at: dict[str, float] = {}

    def say(self, line: str) -> None:
        """A line that stays."""
        with self.lock:
            print(('\r\x1b[2K' if self.terminal else '') + line, flush=True)

    def progress(self, name: str, line: str) -> None:
        """The latest of one command."""
        with self.lock:
            self.latest[name] = line
            now = time.perf_counter()
            if now - self.shown_at.get(name, 0.0) < (0.2 if self.terminal else QUIET_S):
                return
            self.shown_at[name] = now
            if self.terminal:
                self._redraw()
            else:
                print(f'    {name + ": " if len(self.latest) > 1 else ""}{line.strip()}'[:160], flush=True)

    def end(self, name: str) -> None:
        """The command has ended."""
        with self.lock:
            self.latest.pop(name, None)
            self.shown_at.pop(name, None)
            if self.terminal:
                self._redraw()

    def _redraw(self) -> None:
        width = shutil.get_terminal_size().columns - 1
        each = width // max(len(self.latest), 1)
        several = len(self.latest) > 1
        lines = [f'{name}: {line.strip()}' if several else line for name, line in self.latest.items()]
        print('\r\x1b[2K' + ''.join(f'{line[: each - 1]:{each}}' for line in lines), end='', flush=True)


class Commands:
    """Runs commands, from one thread or several, and can end all that run.

    Each gets a process group of its own, so that an interruption reaches its children too.
    """

    def __init__(self) -> None:
        self.screen = Screen()
        self.running: set[subprocess.Popen] = set()
        self.stopped = False

    def run(self, name: str, command: Sequence[str], log: Path, environment: Mapping[str, str] | None = None) -> None:
        """Run a command, its output appended to `log`, its progress shown under `name`.

        environment: variables beside those of this process. StageFailed where it ends with an error.
        """
        if self.stopped:
            raise StageFailed(f'{name}: not begun, another command was ended')
        log.parent.mkdir(parents=True, exist_ok=True)
        self.screen.say(f'    $ {shlex.join(shown(command))}')
        tail: list[str] = []
        variables = {**os.environ, 'PYTHONUNBUFFERED': '1', 'PYTHONWARNINGS': 'ignore', **(environment or {})}
        with open(log, 'ab') as file:
            file.write(f'\n$ {shlex.join(command)}\n'.encode())
            process = subprocess.Popen(
                command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, env=variables, start_new_session=True
            )
            self.running.add(process)
            try:
                self._follow(name, process, file, tail)
            except BaseException:
                end_group(process)
                raise
            finally:
                self.running.discard(process)
                self.screen.end(name)
        if process.returncode:
            raise StageFailed(
                f'{name} ended with status {process.returncode}; its output is in {log}, and ends:\n'
                + '\n'.join(f'    {line}' for line in tail)
            )

    def stop(self) -> None:
        """End every command that runs, and begin no other."""
        self.stopped = True
        for process in list(self.running):
            end_group(process)

    def _follow(self, name: str, process: subprocess.Popen, file, tail: list[str]) -> None:
        """Copy the output to the file, keep its last lines in `tail`, show progress, until the command ends."""
        start = time.perf_counter()
        pending = b''
        while chunk := os.read(process.stdout.fileno(), 65536):
            file.write(chunk)
            file.flush()
            *lines, pending = re.split(rb'[\r\n]', pending + chunk)
            texts = [text for line in lines if (text := _ESCAPES.sub('', line.decode(errors='replace')).strip())]
            tail[:] = (tail + texts)[-12:]
            texts = [text for text in texts if _COUNT.search(text)] or [text for text in texts if text.strip('-=*')]
            if texts:
                self.screen.progress(name, progress_line(texts[-1], time.perf_counter() - start))
        process.wait()


def end_group(process: subprocess.Popen) -> None:
    """Ask a command and its children to end, and wait for it."""
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGTERM)
    process.wait()


def shown(command: Sequence[str]) -> list[str]:
    """The command as a user would type it in this folder: relative paths, no absolute interpreter."""
    here = f'{Path.cwd()}{os.sep}'
    return [part.replace(here, '') for part in command]


def progress_line(text: str, seconds: float) -> str:
    """Elapsed time, a bar where the line counts something as `[ 3/10]` (mmengine) or `3/10 [` (tqdm), and the line."""
    match = _COUNT.search(text)
    bar = ''
    if match:
        done, total = (int(group) for group in match.groups() if group is not None)
        filled = round(BAR_WIDTH * min(done / max(total, 1), 1))
        bar = f'[{"#" * filled}{"." * (BAR_WIDTH - filled)}] '
    return f'    {seconds:4.0f} s {bar}{_shorten(text)}'


def _shorten(text: str) -> str:
    """Without the date and name that mmengine puts before every line, and without tqdm's own bar."""
    text = re.sub(r'^\d\d/\d\d \d\d:\d\d:\d\d - mmengine - \w+ - ', '', text)
    return re.sub(r'\d+%\|[^|]*\|\s*', '', text)
