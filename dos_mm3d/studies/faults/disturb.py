"""One case: a job is disturbed in one way, goes on as documented, and is compared with the undisturbed one."""

import random
import re
import shutil
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path

from ...files import read_json, write_json
from .case import FINDING, REFERENCE, Finding, Place, begin, bytes_below, outcome_of, with_failures
from .jobs import Job
from .mounts import enter_own_mounts, fill, mount_memory, mount_read_only, set_read_only
from .outcomes import LOST, NAMED, RIGHT, SKIPPED, Ended, how_it_ended, worst
from .victims import Moment, adopt_orphans, descendants, kill_orphans, run, wait_for_orphans

TRIES = 6
EARLIER = 0.5
SPARE_BYTES = 2**20
NO_ROOM, IN_USE = 'no room is left', 'is in use by'
RESUMED = re.compile(r'resumed epoch: \d+, iter: (\d+)')


def disturbed(kind: str, job: Job, world: Path, reference: Path, folder: Path, seed: str) -> None:
    """Disturb a job in one way of KINDS, and write the finding."""
    adopt_orphans()
    place = Place(world, folder, read_json(reference / REFERENCE), random.Random(seed))
    try:
        finding = KINDS[kind](job, place)
    finally:
        kill_orphans()
    write_json(folder / FINDING, asdict(finding))
    for path in (folder / name for name in (job.out, job.own) if name):
        if not path.is_mount():  # which ends with this process
            shutil.rmtree(path, ignore_errors=True)


def killed(job: Job, place: Place) -> Finding:
    """kill -9 at a random moment, by the clock or at a change of its files; then the same command goes on."""
    share, by_clock, whole_tree = place.rng.random(), place.rng.random() < 0.5, place.rng.random() < 0.5
    for _ in range(TRIES):
        begin(job, place.world, place.folder)
        ended = run(
            job.call(place.world, place.folder, again=False), place.log, moment=_moment(job, place, share, by_clock)
        )
        if ended.killed:
            break
        share, by_clock = share * EARLIER, True  # it had come to its end before that
    if whole_tree:
        kill_orphans()
    kept = job.whole_steps(place.folder)
    outcome, last = _go_on(job, place, kept=kept)
    how = f'at {share:.0%} of its {"time" if by_clock else "changes of files"}'
    how += ', with all that it had started' if whole_tree else ''
    return Finding(
        outcome, 'kill', job.name, how if ended.killed else 'came to its end before', place.told(last.message)
    )


def full_disk(job: Job, place: Place) -> Finding:
    """Room for a part of what is written; then there is room, and the same command goes on."""
    share = place.rng.random()
    out, room = place.folder / job.out, int(place.reference['bytes'] * share)
    shutil.rmtree(out, ignore_errors=True)
    size = SPARE_BYTES + 2 * place.reference['bytes'] + bytes_below(place.world / 'raw')
    if enter_own_mounts() and mount_memory(out, size):
        begin(job, place.world, place.folder)
        filler, limit = fill(out, room), None
        how = f'room for {share:.0%} of what is written'
    else:
        begin(job, place.world, place.folder)
        filler, limit = None, max(1, int(place.reference['largest'] * share))
        how = f'no file may be larger than {share:.0%} of the largest'
    ended = run(job.call(place.world, place.folder, again=False), place.log, file_limit=limit)
    if filler:
        filler.unlink()
    return _then_mended(job, place, 'full disk', how, ended, f'/{job.out}', NO_ROOM)


def read_only_out(job: Job, place: Place) -> Finding:
    """A folder that cannot be written to; then it can, and the same command goes on."""
    out = place.folder / job.out
    shutil.rmtree(out, ignore_errors=True)
    if not (enter_own_mounts() and mount_memory(out, 2**28)):
        return Finding(SKIPPED, 'read-only output', job.name, 'this machine lets nobody mount here')
    begin(job, place.world, place.folder)
    set_read_only(out, True)
    ended = run(job.call(place.world, place.folder, again=False), place.log)
    set_read_only(out, False)
    return _then_mended(job, place, 'read-only output', 'the folder of the results', ended, f'/{job.out}')


def read_only_data(job: Job, place: Place) -> Finding:
    """Data that cannot be written to: nothing but the results' folder is written, so that it does not matter."""
    if not (enter_own_mounts() and mount_read_only(place.world / job.own, place.folder / job.own)):
        return Finding(SKIPPED, 'read-only data', job.name, 'this machine lets nobody mount here')
    begin(job, place.world, place.folder)
    ended = with_failures(job, place.folder, run(job.call(place.world, place.folder, again=False), place.log))
    return Finding(outcome_of(job, place, ended), 'read-only data', job.name, job.own, place.told(ended.message))


def vanished(job: Job, place: Place) -> Finding:
    """A point file goes at a random moment; then it is back, and the same command goes on."""
    begin(job, place.world, place.folder)
    if job.own:
        shutil.copytree(place.world / job.own, place.folder / job.own, dirs_exist_ok=True)
    file = place.rng.choice(sorted(place.folder.glob(job.points)))
    share, away = place.rng.random(), place.folder / 'away'
    ended = run(
        job.call(place.world, place.folder, again=False),
        place.log,
        moment=_moment(job, place, share, by_clock=True),
        then=lambda: file.rename(away),
    )
    if away.exists():
        away.rename(file)
    how = f'{file.relative_to(place.folder)} after {share:.0%} of the time'
    return _then_mended(job, place, 'vanished file', how, ended, file.name)


KINDS: dict[str, Callable[[Job, Place], Finding]] = {
    'kill': killed,
    'full disk': full_disk,
    'read-only output': read_only_out,
    'read-only data': read_only_data,
    'vanished file': vanished,
}


def _moment(job: Job, place: Place, share: float, by_clock: bool) -> Moment:
    if by_clock:
        return Moment(share * place.reference['seconds'])
    return Moment(None, 1 + int(share * place.reference['changes']), place.folder / job.out)


def _go_on(job: Job, place: Place, kept: int = 0) -> tuple[str, Ended]:
    """The documented command once more, after what a killed one left running has ended, if that is what it asks for."""
    call = job.call(place.world, place.folder, again=True)
    ended = with_failures(job, place.folder, run(call, place.log))
    if how_it_ended(ended) == NAMED and (descendants() or IN_USE in ended.message):
        wait_for_orphans()
        ended = with_failures(job, place.folder, run(call, place.log))
    outcome = outcome_of(job, place, ended)
    if outcome == RIGHT and kept > max((int(step) for step in RESUMED.findall(ended.text)), default=0):
        return LOST, ended
    return outcome, ended


def _then_mended(job: Job, place: Place, kind: str, how: str, ended: Ended, *names: str) -> Finding:
    """The finding where what was taken away is back: what is not right after that was lost.

    names: of which the message of the disturbed call must have one.
    """
    first = outcome_of(job, place, with_failures(job, place.folder, ended), *names)
    if first == RIGHT:  # it had not needed it
        return Finding(first, kind, job.name, how, place.told(ended.message))
    outcome, last = _go_on(job, place)
    message = place.told(ended.message) or place.told(last.message)
    return Finding(worst([first, LOST if outcome == NAMED else outcome]), kind, job.name, how, message)
