"""Stages of a long job, each a list of commands: resumable, logged, with one line of progress on the screen."""

import contextlib
import hashlib
import json
import os
import re
import shlex
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from .report import write_json

QUIET_S = 20.0  # between two lines of progress where there is no terminal
BAR_WIDTH = 24
_COUNT = re.compile(r'\[\s*(\d+)/(\d+)\]|\b(\d+)/(\d+) \[')
_ESCAPES = re.compile(r'\x1b\[[0-9;]*[A-Za-z]')


@dataclass(frozen=True)
class Stage:
    """name: short, unique, a file name.  title: what the user reads.  commands: argument lists, run in this order.
    inputs: files and folders whose content decides whether the stage must run again.
    outputs: what must be there for the stage to count as done.  folder: what the stage alone writes; emptied before it
    runs with other inputs than the last time, kept after an interruption so that commands can resume."""

    name: str
    title: str
    commands: Sequence[Sequence[str]]
    inputs: Sequence[Path]
    outputs: Sequence[Path]
    folder: Path | None = None


class StageFailed(RuntimeError):
    """A command of a stage ended with an error; the message says where its log is and how it ended."""


class StageRunner:
    """Runs stages in order and remembers in `record_file` which were finished with which inputs.

    fresh: forget what is finished. A stage is done when its own inputs, its commands and those of every stage before
    it are as recorded, and its outputs are there.
    """

    def __init__(self, record_file: Path, log_folder: Path, *, total: int, fresh: bool = False) -> None:
        self.record_file, self.log_folder, self.total = record_file, log_folder, total
        self.records: dict[str, dict] = (
            {} if fresh or not record_file.is_file() else json.loads(record_file.read_text())
        )
        self.start = time.perf_counter()
        self.number, self.chain = 0, ''

    def run(self, stage: Stage) -> float:
        """Run a stage unless it is done. Returns the seconds that its work took, now or when it was done."""
        self.announce(stage.title)
        self.chain = fingerprint(stage, self.chain)
        record = self.records.get(stage.name, {})
        same = record.get('fingerprint') == self.chain
        if same and record['finished'] and all(path.exists() for path in stage.outputs):
            print(f'    done before, in {record["seconds"]:.0f} s; inputs are unchanged (--fresh does it again)')
            return record['seconds']
        if not same and stage.folder is not None:
            shutil.rmtree(stage.folder, ignore_errors=True)
        # an interrupted stage goes on after its last whole command, and goes on counting its time
        resumed = record if same and not record['finished'] else {}
        return self._work(stage, spent=resumed.get('seconds', 0.0), done=resumed.get('commands_done', 0))

    def announce(self, title: str) -> None:
        """The next stage begins."""
        self.number += 1
        elapsed = time.perf_counter() - self.start
        print(f'[quickstart: stage {self.number} of {self.total}, {elapsed:.0f} s] {title}', flush=True)

    def _work(self, stage: Stage, *, spent: float, done: int) -> float:
        start = time.perf_counter()

        def remember(commands_done: int, *, finished: bool) -> float:
            seconds = spent + time.perf_counter() - start
            self.records[stage.name] = {
                'fingerprint': self.chain,
                'seconds': seconds,
                'commands_done': commands_done,
                'finished': finished,
            }
            write_json(self.record_file, self.records)
            return seconds

        remember(done, finished=False)
        log = self.log_folder / f'{stage.name}.log'
        for number, command in enumerate(stage.commands[done:], start=done):
            try:
                run_logged(command, log)
            except BaseException:
                remember(number, finished=False)
                raise
            remember(number + 1, finished=False)
        missing = [str(path) for path in stage.outputs if not path.exists()]
        if missing:
            remember(0, finished=False)
            raise StageFailed(
                f'{stage.title}: ended without an error, but did not write {", ".join(missing)}; see {log}'
            )
        return remember(len(stage.commands), finished=True)


def fingerprint(stage: Stage, before: str) -> str:
    """sha256 over the stages before, the commands and the content of the inputs."""
    digest = hashlib.sha256(before.encode())
    digest.update(json.dumps([stage.name, [list(command) for command in stage.commands]]).encode())
    for path in sorted(files_below(stage.inputs)):
        digest.update(f'{path}\0'.encode() + hashlib.sha256(path.read_bytes()).digest())
    return digest.hexdigest()


def files_below(paths: Iterable[Path]) -> set[Path]:
    """The files among the paths, and the Python files below the folders among them; FileNotFoundError for neither."""
    found: set[Path] = set()
    for path in paths:
        if not path.exists():
            raise FileNotFoundError(f'{path}: a stage needs it, and it is not there')
        found |= set(path.rglob('*.py')) if path.is_dir() else {path}
    return found


def run_logged(command: Sequence[str], log: Path) -> None:
    """Run a command, its output appended to `log`, its latest line shown; StageFailed where it ends with an error.

    The command gets a process group of its own, which is ended with this process' interruption.
    """
    log.parent.mkdir(parents=True, exist_ok=True)
    print(f'    $ {shlex.join(shown(command))}', flush=True)
    tail: list[str] = []
    environment = {**os.environ, 'PYTHONUNBUFFERED': '1', 'PYTHONWARNINGS': 'ignore'}
    with open(log, 'ab') as file:
        file.write(f'\n$ {shlex.join(command)}\n'.encode())
        process = subprocess.Popen(
            command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, env=environment, start_new_session=True
        )
        try:
            _follow(process, file, tail)
        except BaseException:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGTERM)
            process.wait()
            raise
    if process.returncode:
        raise StageFailed(
            f'the command above ended with status {process.returncode}; its output is in {log}, and ends:\n'
            + '\n'.join(f'    {line}' for line in tail)
        )


def shown(command: Sequence[str]) -> list[str]:
    """The command as a user would type it in this folder: relative paths, no absolute interpreter."""
    here = f'{Path.cwd()}{os.sep}'
    return [part.replace(here, '') for part in command]


def _follow(process: subprocess.Popen, file, tail: list[str]) -> None:
    """Copy the output to the file, keep its last lines in `tail`, show progress, until the command ends."""
    start, last = time.perf_counter(), 0.0
    terminal = sys.stdout.isatty()
    pending = b''
    while chunk := os.read(process.stdout.fileno(), 65536):
        file.write(chunk)
        file.flush()
        *lines, pending = re.split(rb'[\r\n]', pending + chunk)
        texts = [text for line in lines if (text := _ESCAPES.sub('', line.decode(errors='replace')).strip())]
        tail[:] = (tail + texts)[-12:]
        texts = [text for text in texts if _COUNT.search(text)] or [text for text in texts if text.strip('-=*')]
        now = time.perf_counter()
        if texts and now - last >= (0.2 if terminal else QUIET_S):
            last = now
            _show(progress_line(texts[-1], now - start), terminal)
    process.wait()
    if terminal:
        print('\r\x1b[2K', end='', flush=True)


def _show(line: str, terminal: bool) -> None:
    if terminal:
        width = shutil.get_terminal_size().columns - 1
        print(f'\r\x1b[2K{line[:width]}', end='', flush=True)
    else:
        print(line[:160], flush=True)


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
