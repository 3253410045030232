"""One bit of a file is another one: a checkpoint, an info file, a file of points; then a tool is given it."""

import random
import shutil
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np

from ...datasets.readers import read_sweep
from ...files import read_json, write_json
from .case import FINDING, REFERENCE, Finding, Place, begin, outcome_of, with_failures
from .jobs import Job
from .outcomes import NAMED, RAW, SILENT
from .victims import adopt_orphans, kill_orphans, run

ENDS_BYTES = 4096
"""Half of the flips fall into so much at either end of a file, where headers and directories lie."""


@dataclass(frozen=True)
class Target:
    """What is damaged, and who reads it.

    Args:
        kind: 'checkpoint', 'info' or 'points'.
        job: name of the job.
        file: below the world; a copy of it is damaged.
        shared: folder below the world that the job reads the file in, copied with it; '' where it is read by itself.
    """

    kind: str
    job: str
    file: str
    shared: str = ''


def flipped(target: Target, job: Job, world: Path, reference: Path, folder: Path, seed: str, count: int) -> None:
    """Damage a file so often, one bit each time, run the job on it, and write the findings."""
    adopt_orphans()
    findings = []
    for number in range(count):
        place = Place(world, folder, read_json(reference / REFERENCE), random.Random(f'{seed}/{number}'))
        try:
            findings.append(asdict(_flipped_once(target, job, place)))
        finally:
            kill_orphans()
    write_json(folder / FINDING, findings)
    for name in (job.out, target.shared or target.file.split('/')[0]):
        shutil.rmtree(folder / name, ignore_errors=True)


def _flipped_once(target: Target, job: Job, place: Place) -> Finding:
    copied = target.shared or target.file
    shutil.rmtree(place.folder / copied, ignore_errors=True)
    copy = place.folder / target.file
    copy.parent.mkdir(parents=True, exist_ok=True)
    if target.shared:
        shutil.copytree(place.world / copied, place.folder / copied, dirs_exist_ok=True)
    else:
        shutil.copy(place.world / target.file, copy)
    at, bit = flip(copy, place.rng)
    begin(job, place.world, place.folder)
    ended = with_failures(job, place.folder, run(job.call(place.world, place.folder, again=False), place.log))
    outcome = outcome_of(job, place, ended, copy.name)
    message, how = place.told(ended.message), f'bit {bit} of byte {at} of {copy.stat().st_size}'
    if outcome == SILENT and (warning := ended.warning_of(str(copy))):  # a point that is none any more is left out
        outcome, message = NAMED, place.told(warning)
    elif outcome == SILENT and target.kind == 'points' and (numbers := changed_number(copy, place.world / target.file)):
        outcome = RAW
        how += f': {numbers[0]:g} became {numbers[1]:g}'
    return Finding(outcome, f'flipped bit: {target.kind}', f'{job.name}, {copy.name}', how, message)


def flip(path: Path, rng: random.Random) -> tuple[int, int]:
    """Change one bit of a file; gives (byte, bit). Half of the time near one of the file's ends."""
    content = bytearray(path.read_bytes())
    places: Sequence[int] = range(len(content))
    if rng.random() < 0.5:
        places = rng.choice((places[:ENDS_BYTES], places[-ENDS_BYTES:]))
    at, bit = rng.choice(places), rng.randrange(8)
    content[at] ^= 1 << bit
    path.write_bytes(content)
    return at, bit


def changed_number(damaged: Path, whole: Path) -> tuple[float, float] | None:
    """(what it was, what it is) where two files of points hold the same but for one number, which no format without a
    checksum can show; None where more has changed."""
    one, other = (read_points(path) for path in (whole, damaged))
    if one is None or other is None or one.shape != other.shape or (one != other).sum() != 1:
        return None
    return float(one[one != other][0]), float(other[one != other][0])


def read_points(path: Path) -> np.ndarray | None:
    """The numbers of a file of points; None where it cannot be read."""
    if path.name.endswith('.pcd.bin'):
        return np.fromfile(path, np.float32)
    try:
        return read_sweep(path)
    except (ValueError, OSError):
        return None
