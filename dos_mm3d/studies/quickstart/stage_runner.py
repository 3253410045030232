"""Stages of a long job, each a list of commands: resumable, logged, one after the other or side by side."""

import hashlib
import json
import os
import shutil
import threading
import time
from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import dataclass
from pathlib import Path

from ...errors import MissingFileError
from ...files import write_json
from ..runner.logged_command import Commands, StageFailed


@dataclass(frozen=True)
class Stage:
    """name: short, unique, a file name.  title: what the user reads.  commands: argument lists, run in this order.
    inputs: files and folders whose content decides whether the stage must run again.
    outputs: what must be there for the stage to count as done.  folder: what the stage alone writes; emptied before it
    runs with other inputs than the last time, kept after an interruption so that commands can resume.
    after: names of the stages that it builds on; it is done again when one of them was."""

    name: str
    title: str
    commands: Sequence[Sequence[str]]
    inputs: Sequence[Path]
    outputs: Sequence[Path]
    folder: Path | None = None
    after: Sequence[str] = ()


class StageRunner:
    """Runs stages and remembers in `record_file` which were finished with which inputs.

    fresh: forget what is finished. A stage is done when its own inputs, its commands and those of the stages it builds
    on are as recorded, and its outputs are there.
    """

    def __init__(self, record_file: Path, log_folder: Path, *, total: int, fresh: bool = False) -> None:
        self.record_file, self.log_folder, self.total = record_file, log_folder, total
        self.records: dict[str, dict] = (
            {} if fresh or not record_file.is_file() else json.loads(record_file.read_text())
        )
        self.start = time.perf_counter()
        self.number = 0
        self.fingerprints: dict[str, str] = {}
        self.commands, self.lock = Commands(), threading.Lock()

    def run(self, *stages: Stage) -> dict[str, float]:
        """Run stages, side by side where there are several, unless they are done.

        Side by side each gets an equal share of the CPU threads: two runs of one thread do more than one of two.
        The first to fail ends the others. Returns the seconds that each took, now or when it was done.
        """
        waiting = [stage for stage in stages if not self._done(stage)]
        threads = max(1, len(os.sched_getaffinity(0)) // max(len(waiting), 1))
        environment = {'OMP_NUM_THREADS': str(threads)} if len(waiting) > 1 else {}
        with ThreadPoolExecutor(max(len(waiting), 1)) as pool:
            futures = [pool.submit(self._work, stage, environment) for stage in waiting]
            try:
                for future in as_completed(futures):
                    future.result()
            except BaseException:
                self.commands.stop()
                raise
        return {stage.name: self.records[stage.name]['seconds'] for stage in stages}

    def announce(self, title: str) -> None:
        """The next stage begins."""
        self.number += 1
        elapsed = time.perf_counter() - self.start
        self.commands.screen.say(f'[quickstart: stage {self.number} of {self.total}, {elapsed:.0f} s] {title}')

    def _done(self, stage: Stage) -> bool:
        """Announce a stage, fingerprint it, and say whether it was finished with these inputs."""
        self.announce(stage.title)
        built_on = ''.join(self.fingerprints[name] for name in stage.after)
        self.fingerprints[stage.name] = fingerprint(stage, built_on)
        record = self.records.get(stage.name, {})
        same = record.get('fingerprint') == self.fingerprints[stage.name]
        done = same and record['finished'] and all(path.exists() for path in stage.outputs)
        if done:
            seconds = f'{record["seconds"]:.0f} s'
            self.commands.screen.say(f'    done before, in {seconds}; inputs are unchanged (--fresh does it again)')
        return done

    def _work(self, stage: Stage, environment: dict[str, str]) -> None:
        """Run the commands that are not done; an interrupted stage goes on after its last whole one."""
        record = self.records.get(stage.name, {})
        same = record.get('fingerprint') == self.fingerprints[stage.name]
        if not same and stage.folder is not None:
            shutil.rmtree(stage.folder, ignore_errors=True)
        resumed = record if same and not record['finished'] else {}
        spent, done = resumed.get('seconds', 0.0), resumed.get('commands_done', 0)
        start = time.perf_counter()

        def remember(commands_done: int, *, finished: bool) -> None:
            seconds = spent + time.perf_counter() - start
            with self.lock:
                self.records[stage.name] = {
                    'fingerprint': self.fingerprints[stage.name],
                    'seconds': seconds,
                    'commands_done': commands_done,
                    'finished': finished,
                }
                write_json(self.record_file, self.records)

        remember(done, finished=False)
        log = self.log_folder / f'{stage.name}.log'
        for number, command in enumerate(stage.commands[done:], start=done):
            try:
                self.commands.run(stage.name, command, log, environment)
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
        remember(len(stage.commands), finished=True)


def fingerprint(stage: Stage, before: str) -> str:
    """sha256 over the stages it builds on, the commands and the content of the inputs."""
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
            raise MissingFileError(f'{path}: a stage needs it, and it is not there')
        found |= set(path.rglob('*.py')) if path.is_dir() else {path}
    return found
