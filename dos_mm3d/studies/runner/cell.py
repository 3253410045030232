"""One piece of a study: the folder that belongs to it, its commands, its record, and nothing twice."""

import re
import shutil
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ...errors import MissingFileError, UserError
from ...files import nan_to_none, read_json, write_json
from .children import Children, Command, shown
from .record import content_hash, portable

_COLLAPSED = re.compile(r'^error: (.*collapsed at iteration (\d+).*)$', re.MULTILINE)
TAIL_LINES = 8


def nothing(folder: Path) -> dict[str, Any]:
    """What a cell collects whose files are all that is wanted of it."""
    return {}


@dataclass(frozen=True)
class Cell:
    """One piece of a study: commands in a folder of its own, and what is recorded of them.

    Args:
        name: unique in the study; letters, digits, `_ . -` (part of the folder's name).
        depends_on: plain JSON of everything that decides the numbers, hashes instead of paths. Its hash is the other
            part of the folder's name, so that a changed setting is another cell and an old one is found again.
        commands: folder -> commands, run in this order when the cell's turn comes, so that it may read what the cells
            of `after` have left. A command whose process was ended half-way is started again: it must go on
            (tools/train.py --resume) or begin anew by itself. Those before it are not repeated.
        collect: folder -> plain JSON, from the files that the commands left there. Its key `said`, if any, is what the
            line of progress says of it. OSError, ValueError or KeyError fails the cell.
        prepare: folder -> None, writes what the commands read (configs); before each start, must be repeatable.
        after: cells that must have finished before; what decides their numbers decides this one's too.
        title: what a reader sees when it begins, and then its commands; '': neither.
        place: folder relative to the study's, instead of one that is named after the hash, for results that a user
            looks for. It holds the latest settings only: it is emptied when a cell with others begins.
        outputs: further files and folders, elsewhere, that must be there for the cell to count as finished.
        needed: nothing else is worth running without it: a failure is not recorded but ends the study (CellFailed),
            and the next call goes on with the command that failed.
        limit_s: of a command; one that takes longer is ended and fails the cell.
    """

    name: str
    depends_on: Mapping[str, Any]
    commands: Callable[[Path], Sequence[Command]]
    collect: Callable[[Path], Mapping[str, Any]] = nothing
    prepare: Callable[[Path], None] | None = None
    after: tuple['Cell', ...] = ()
    title: str = ''
    place: Path | None = None
    outputs: tuple[Path, ...] = ()
    needed: bool = False
    limit_s: float | None = None

    @property
    def key(self) -> str:
        """sha256 of what decides the numbers, that of the cells before it included."""
        before = [cell.key for cell in self.after]
        return content_hash([self.depends_on, before] if before else self.depends_on)

    @property
    def all_before(self) -> set[str]:
        """Names of the cells of `after`, and of those that they come after."""
        return {name for cell in self.after for name in (cell.name, *cell.all_before)}

    def folder(self, out: Path) -> Path:
        """Where it is, in a study below `out`."""
        return out / (self.place or Path('cells', f'{self.name}_{self.key[:8]}'))


class CellFailed(UserError, RuntimeError):
    """A cell that all others need failed; the message says where its log is and how it ended."""


@dataclass(frozen=True)
class CellRun:
    """Brings a cell to its record: `result.json`, whose status is 'finished', 'failed' or 'collapsed'.

    Args:
        cell: what is to be done.
        out: folder of the study.
        facts: commit, versions, machine, for the record.
        retry_failed: whether a failed or collapsed one is run once more.
    """

    cell: Cell
    out: Path
    facts: Mapping[str, Any]
    retry_failed: bool = False

    @property
    def folder(self) -> Path:
        return self.cell.folder(self.out)

    @property
    def log(self) -> Path:
        """Of all commands; the steps of the running one can be read in it."""
        return self.folder / 'log'

    def recorded(self) -> dict[str, Any] | None:
        """What became of it, None where it was not run to an end."""
        record = self._read('result.json')
        return record if record and all(path.exists() for path in self.cell.outputs) else None

    def settled(self) -> dict[str, Any] | None:
        """The record, None where there is something to do."""
        record = self.recorded()
        return None if record and self.retry_failed and record['status'] != 'finished' else record

    def run(self, children: Children, threads: int | None, say: Callable[[str], None]) -> dict[str, Any]:
        """Run what is left, collect, write; returns the record.

        Args:
            threads: of its commands, None: as many as they like.
            say: is given the title, and every command that begins, where there is a title.

        CellFailed where it fails and is needed.
        """
        if self.cell.title:
            say(f'  {self.cell.title}')
        self._begin()
        if self.cell.prepare:
            self.cell.prepare(self.folder)
        outcome = self._commands(children, threads, say) or self._collect()
        if self.cell.needed and outcome['status'] != 'finished':
            raise CellFailed(f'{self.cell.name}: {outcome["message"]}')
        progress = self._read('progress.json')
        record = {
            'name': self.cell.name,
            **outcome,
            'seconds': progress['seconds'],
            'depends_on': self.cell.depends_on,
            'key': self.cell.key,
            **self.facts,
        }
        write_json(self.folder / 'result.json', nan_to_none(record))
        return record

    def _begin(self) -> None:
        """Keep what an interrupted start left; a failed cell begins with its first command again, one that collapsed,
        whose last checkpoint is on the way down, with an empty folder, as one whose place holds other settings."""
        before = self._read('result.json')
        if before or not self._read('progress.json'):
            (self.folder / 'result.json').unlink(missing_ok=True)
            if (self.cell.place and not before) or (before and before['status'] == 'collapsed'):
                shutil.rmtree(self.folder, ignore_errors=True)
            self._remember(commands_done=0, seconds=0.0)

    def _commands(self, children: Children, threads: int | None, say: Callable[[str], None]) -> dict[str, Any] | None:
        """Run the commands that are not done; what the first failing one said, None where all went well."""
        commands = self.cell.commands(self.folder)
        progress = self._read('progress.json')
        for number in range(progress['commands_done'], len(commands)):
            if self.cell.title:
                say(f'    $ {shown(commands[number])}')
            start = time.perf_counter()
            status, output = children.run(commands[number], self.log, threads=threads, limit_s=self.cell.limit_s)
            if status != 0:
                return describe_failure(status, output, portable(self.log))
            progress['seconds'] += time.perf_counter() - start
            self._remember(commands_done=number + 1, seconds=progress['seconds'])
        return None

    def _collect(self) -> dict[str, Any]:
        try:
            if missing := [str(path) for path in self.cell.outputs if not path.exists()]:
                self._remember(commands_done=0, seconds=0.0)
                raise MissingFileError(f'ended without an error, but did not write {", ".join(missing)}')
            found = dict(self.cell.collect(self.folder))
            return {'status': 'finished', 'said': found.pop('said', 'done'), 'found': found}
        except (OSError, ValueError, KeyError) as error:
            return {'status': 'failed', 'message': f'{type(error).__name__}: {error}; its log is {portable(self.log)}'}

    def _read(self, name: str) -> dict[str, Any] | None:
        """A file of the folder, None where it is not there or belongs to other settings that had this place."""
        path = self.folder / name
        found = read_json(path) if path.is_file() else None
        return None if found and self.cell.place and found.get('key') != self.cell.key else found

    def _remember(self, *, commands_done: int, seconds: float) -> None:
        """Commands that ended well and their seconds, an interrupted one's not counted."""
        found = {'commands_done': commands_done, 'seconds': seconds, 'key': self.cell.key}
        write_json(self.folder / 'progress.json', found)


def describe_failure(status: int | None, output: str, log: Path | str) -> dict[str, Any]:
    """{'status': 'collapsed', 'step', 'message'} where the collapse monitor ended the command, else 'failed'.

    status: of the process, negative for a signal, None where it took too long.  output: all that it printed.
    """
    if status and status > 0 and (match := _COLLAPSED.search(output)):
        return {'status': 'collapsed', 'step': int(match[2]), 'message': match[1]}
    if status is None:
        end = 'took longer than it may and was ended'
    elif status < 0:
        hint = ' (killed, most often for want of memory)' if status == -9 else ''
        end = f'was ended by signal {-status}{hint}'
    else:
        end = f'ended with status {status}'
    # a tool's own last word, or the end of a traceback
    said = re.findall(r'^error: (.*)$', output, re.MULTILINE)[-1:] or output.strip().splitlines()[-TAIL_LINES:]
    return {'status': 'failed', 'message': f'{end}; its log is {log}: ' + '\n'.join(said)}
