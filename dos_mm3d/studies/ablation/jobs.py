"""What is done for a cell and for the baselines: pretrain, probe, record. Commands come from outside."""

import re
import shutil
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ...errors import UserError
from ...files import nan_to_none, read_json, write_json
from ..runner import content_hash
from ..runner.children import Children
from ..runner.config_file import write_config
from ..runner.scalars import last_scalars
from .cells import Cell

_COLLAPSED = re.compile(r'^error: (.*collapsed at iteration (\d+).*)$', re.MULTILINE)
TAIL_LINES = 8


class LadderError(UserError, RuntimeError):
    """The ladder cannot go on; the message says where the log is."""


@dataclass(frozen=True)
class Commands:
    """The command lines of a ladder's work, as argument lists.

    train(config, work_dir): goes on from the work_dir's last checkpoint.  probe_cell(config, checkpoint, out),
    probe_baselines(config, out): write {'found': ..., 'seconds': ...} to `out`.
    """

    train: Callable[[Path, Path], Sequence[str]]
    probe_cell: Callable[[Cell, Path, Path], Sequence[str]]
    probe_baselines: Callable[[Path, Path], Sequence[str]]


@dataclass(frozen=True)
class CellJob:
    """Brings one cell as far as it gets: finished, collapsed or failed. facts: commit, versions, machine."""

    cell: Cell
    split: str
    protocol: Mapping[str, Any]
    commands: Commands
    facts: Mapping[str, Any]
    retry_failed: bool = False

    @property
    def name(self) -> str:
        return self.cell.name

    @property
    def log(self) -> Path:
        """Of pretraining, in which progress can be read."""
        return self.cell.folder / 'pretrain.log'

    def finished(self) -> dict[str, Any] | None:
        """The recorded result, None where there is something to do."""
        result = self.cell.result(self.split, self.protocol)
        retry = self.retry_failed and result is not None and result['status'] != 'finished'
        return None if retry else result

    def run(self, children: Children) -> dict[str, Any]:
        """Pretrain unless that is done, probe, write; returns the result."""
        pretrained = self._pretrained() or self._pretrain(children)
        return pretrained if pretrained['status'] != 'finished' else self._probe(children, pretrained)

    def _pretrained(self) -> dict[str, Any] | None:
        found = read_json(self.cell.pretrain_file) if self.cell.pretrain_file.is_file() else None
        return found if found and (found['status'] == 'finished' or not self.retry_failed) else None

    def _pretrain(self, children: Children) -> dict[str, Any]:
        cell = self.cell
        if cell.pretrain_file.is_file() and read_json(cell.pretrain_file)['status'] == 'collapsed':
            shutil.rmtree(cell.work_dir, ignore_errors=True)  # its last checkpoint is on the way down
        cell.pretrain_file.unlink(missing_ok=True)
        write_config(cell.config_file, cell.config)
        start = time.perf_counter()
        status, output = children.run(self.commands.train(cell.config_file, cell.work_dir), self.log)
        outcome = {'status': 'finished'} if status == 0 else describe_failure(status, output, self.log)
        record = {**self._identity(), **outcome, **last_scalars(cell.work_dir)}
        # the sum of the steps' times counts what an interrupted run had done before; it lacks when nothing was logged
        record['seconds'] = {'pretrain': record.pop('seconds', None) or time.perf_counter() - start}
        if status == 0:
            keep_only(cell.checkpoint())
        record = nan_to_none(record)
        write_json(cell.pretrain_file, record)
        return record

    def _probe(self, children: Children, pretrained: Mapping[str, Any]) -> dict[str, Any]:
        cell, out = self.cell, self.cell.folder / f'probe_{self.split}.json'
        out.unlink(missing_ok=True)
        log = cell.folder / f'probe_{self.split}.log'
        status, output = children.run(self.commands.probe_cell(cell, cell.checkpoint(), out), log)
        record = {**pretrained, 'split': self.split, 'protocol': self.protocol, 'probe_commit': self.facts['commit']}
        if status or not out.is_file():
            record |= describe_failure(status, output, log)
        else:
            probe = read_json(out)
            record['seconds'] = {**record['seconds'], 'probe': probe['seconds']}
            record['probe'] = probe['found']
        write_json(cell.result_file(self.split), record)
        return record

    def _identity(self) -> dict[str, Any]:
        cell = self.cell
        return {
            'row': cell.row.name,
            'seed': cell.seed,
            'steps': cell.steps,
            'config': str(cell.row.config),
            'config_hash': cell.config_hash,
            'data_hash': cell.data_hash,
            **self.facts,
        }


@dataclass(frozen=True)
class BaselineJob:
    """The rows that no pretraining changes, once per split, data set, encoder and protocol."""

    config: Mapping[str, Any]
    data_hash: str
    split: str
    protocol: Mapping[str, Any]
    out: Path
    commands: Commands
    facts: Mapping[str, Any]

    name = 'baselines'

    @property
    def key(self) -> str:
        """sha256 of what the numbers depend on; steps, seeds and losses do not matter."""
        return content_hash(
            [
                self.config['model']['backbone'],
                self.config['model']['data_preprocessor'],
                self.config['train_dataloader']['dataset']['num_sweeps'],
                self.data_hash,
                self.protocol,
            ]
        )

    @property
    def folder(self) -> Path:
        return self.out / 'baselines' / f'{self.split}_{self.key[:8]}'

    @property
    def log(self) -> Path:
        return self.folder / 'probe.log'

    @property
    def file(self) -> Path:
        return self.folder / 'baselines.json'

    def finished(self) -> dict[str, Any] | None:
        return read_json(self.file) if self.file.is_file() else None

    def run(self, children: Children) -> dict[str, Any]:
        """Probe and write. LadderError where that fails: no row could be judged without them."""
        config, raw = self.folder / 'config.py', self.folder / 'probe.json'
        write_config(config, self.config)
        status, output = children.run(self.commands.probe_baselines(config, raw), self.log)
        if status or not raw.is_file():
            raise LadderError(f'baselines: {describe_failure(status, output, self.log)["message"]}')
        found = read_json(raw)
        record = {**found['found'], 'seconds': found['seconds'], 'protocol': self.protocol, **self.facts}
        write_json(self.file, record)
        return record


def describe_failure(status: int, output: str, log: Path | str) -> dict[str, Any]:
    """{'status': 'collapsed', 'step', 'message'} where the collapse monitor ended the command, else 'failed'."""
    if status > 0 and (match := _COLLAPSED.search(output)):
        return {'status': 'collapsed', 'step': int(match[2]), 'message': match[1]}
    end = f'was ended by signal {-status}' if status < 0 else f'ended with status {status}'
    # a tool's own last word, or the end of a traceback
    said = re.findall(r'^error: (.*)$', output, re.MULTILINE)[-1:] or output.strip().splitlines()[-TAIL_LINES:]
    return {'status': 'failed', 'message': f'{end}; its log is {log}: ' + '\n'.join(said)}


def keep_only(checkpoint: Path) -> None:
    """Remove the run's other checkpoints: a ladder has many cells."""
    for other in checkpoint.parent.glob('iter_*.pth'):
        if other.name != checkpoint.name:
            other.unlink()
