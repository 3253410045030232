"""A case of the campaign: where it is, how a job begins there, and what became of one call of it."""

import random
import shutil
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ...files import write_json
from .jobs import Job
from .outcomes import LOST, NAMED, RIGHT, SILENT, Ended, how_it_ended
from .victims import Changes, run

FINDING, REFERENCE = 'finding.json', 'reference.json'


@dataclass(frozen=True)
class Finding:
    """What became of a case.

    Args:
        outcome: one of OUTCOMES.
        kind: of the disturbance.
        job: that was disturbed.
        how: when and where, in words.
        message: what a user was told, '' for nothing.
    """

    outcome: str
    kind: str
    job: str
    how: str
    message: str = ''


@dataclass(frozen=True)
class Place:
    """Where a case is.

    Args:
        world: what all cases share.
        folder: of this case.
        reference: what the undisturbed job left: results, seconds, changes, bytes.
        rng: decides when and where.
    """

    world: Path
    folder: Path
    reference: dict[str, Any]
    rng: random.Random

    @property
    def log(self) -> Path:
        """Of all calls."""
        return self.folder / 'tool.log'

    def told(self, text: str) -> str:
        """What a user was told, for a record: without what is of one machine."""
        for folder in (self.folder, self.world, Path.cwd()):
            text = text.replace(f'{folder}/', '')
        return text


def undisturbed(job: Job, world: Path, folder: Path) -> None:
    """Run a job and write what it gives, how long it takes and how often its files change."""
    begin(job, world, folder)
    out, start = folder / job.out, time.monotonic()
    counter, before = Changes(out), bytes_below(out)
    ended = with_failures(
        job, folder, run(job.call(world, folder, again=False), folder / 'tool.log', while_running=counter.look)
    )
    if how_it_ended(ended) is not None:
        raise RuntimeError(f'{job.name}: does not end well by itself: {ended.text[-2000:]}')
    found = {
        'results': job.found(world, folder),
        'seconds': time.monotonic() - start,
        'changes': counter.look(),
        'bytes': bytes_below(out) - before,
        'largest': max((path.stat().st_size for path in out.rglob('*') if path.is_file()), default=0),
    }
    if not found['results']:
        raise RuntimeError(f'{job.name}: left nothing that fits {job.results}')
    write_json(folder / REFERENCE, found)


def begin(job: Job, world: Path, folder: Path) -> None:
    """An empty folder but for what the job finds there."""
    out = folder / job.out
    if out.exists():
        for path in out.iterdir():  # it may be a mount
            shutil.rmtree(path) if path.is_dir() else path.unlink()
    out.mkdir(parents=True, exist_ok=True)
    job.prepare(world, folder)


def with_failures(job: Job, folder: Path, ended: Ended) -> Ended:
    """What a tool recorded of its parts counts as if it had said and ended with it."""
    failures = job.failures(folder)
    return Ended(ended.status or 1, f'{ended.text}\n{failures}', ended.killed) if failures else ended


def outcome_of(job: Job, place: Place, ended: Ended, *names: str) -> str:
    """Of one call: how it ended, and what it left where it ended well."""
    outcome = how_it_ended(ended, *names)
    if outcome is None:
        return RIGHT if job.found(place.world, place.folder) == place.reference['results'] else SILENT
    if outcome == NAMED and job.lost_inputs(place.world, place.folder):
        return LOST
    return outcome


def bytes_below(folder: Path) -> int:
    return sum(path.stat().st_size for path in folder.rglob('*') if path.is_file())
