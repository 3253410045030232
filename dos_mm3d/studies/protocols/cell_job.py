"""A cell as a job of `run_jobs`: its commands, one record, and nothing done twice."""

import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ...files import nan_to_none, read_json, write_json
from ..ablation.jobs import describe_failure
from ..runner.children import Children
from .base import Cell, portable


@dataclass(frozen=True)
class CellJob:
    """Brings a cell to its record: `result.json` with status 'finished', 'failed' or 'collapsed'.

    facts: commit, versions, machine.  retry_failed: whether a failed one is run again.
    """

    cell: Cell
    out: Path
    facts: Mapping[str, Any]
    retry_failed: bool = False

    @property
    def name(self) -> str:
        return self.cell.name

    @property
    def folder(self) -> Path:
        return self.cell.folder(self.out)

    @property
    def log(self) -> Path:
        """Of all commands; the steps of the running one can be read in it."""
        return self.folder / 'log'

    def recorded(self) -> dict[str, Any] | None:
        """What became of it, None where it was not run to an end."""
        path = self.folder / 'result.json'
        return read_json(path) if path.is_file() else None

    def finished(self) -> dict[str, Any] | None:
        """The record, None where there is something to do."""
        record = self.recorded()
        return None if record and self.retry_failed and record['status'] != 'finished' else record

    def run(self, children: Children) -> dict[str, Any]:
        """Run what is left, collect, write; returns the record."""
        if (self.folder / 'result.json').is_file():  # failed, and asked for again: from its first command
            (self.folder / 'progress.json').unlink(missing_ok=True)
            (self.folder / 'result.json').unlink()
        self.folder.mkdir(parents=True, exist_ok=True)
        if self.cell.prepare:
            self.cell.prepare(self.folder)
        outcome = self._commands(children) or self._collect()
        record = {
            'name': self.name,
            **outcome,
            'seconds': self._progress()['seconds'],
            'depends_on': self.cell.depends_on,
            **self.facts,
        }
        write_json(self.folder / 'result.json', nan_to_none(record))
        return record

    def _commands(self, children: Children) -> dict[str, Any] | None:
        """Run the commands that are not done; what the first failing one said, None where all went well."""
        commands = self.cell.commands(self.folder)
        for number in range(self._progress()['commands_done'], len(commands)):
            start = time.perf_counter()
            status, output = children.run(commands[number], self.log)
            if status:
                return describe_failure(status, output, portable(self.log))
            self._remember(number + 1, time.perf_counter() - start)
        return None

    def _remember(self, commands_done: int, seconds: float) -> None:
        total = self._progress()['seconds'] + seconds
        write_json(self.folder / 'progress.json', {'commands_done': commands_done, 'seconds': total})

    def _collect(self) -> dict[str, Any]:
        try:
            found = dict(self.cell.collect(self.folder))
            return {'status': 'finished', 'said': found.pop('said', 'done'), 'found': found}
        except (OSError, ValueError, KeyError) as error:
            return {'status': 'failed', 'message': f'{type(error).__name__}: {error}; its log is {portable(self.log)}'}

    def _progress(self) -> dict[str, Any]:
        """Commands that ended well and their seconds, an interrupted one's not counted."""
        path = self.folder / 'progress.json'
        return read_json(path) if path.is_file() else {'commands_done': 0, 'seconds': 0.0}
