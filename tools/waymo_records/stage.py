"""Convert all raw segments, a process of the other environment for each, several side by side."""

import contextlib
import fcntl
import json
import os
import subprocess
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path

from tqdm import tqdm

from dos_mm3d.errors import InputError
from dos_mm3d.parallel import parallel_map

from .segments import Numbers, Segment, converted_frames, find_raw, summary, unfinished
from .tfrecord import find_records

CONVERT = Path(__file__).with_name('convert.py')
SHOWN = 8


def convert_records(root: Path, out: Path, *, find_python: Callable[[], Path], workers: int | None = None) -> None:
    """Raw records below `root` -> frame records and point files below `out`. What is there is left, but for segments
    whose raw file has another size than the one that they were made from.

    find_python: gives the interpreter of the environment of waymo-open-dataset, or raises what explains how to make
    one; asked only where there is something to convert. workers: processes, default one for each CPU.
    FileNotFoundError and ValueError, naming the file and the remedy, where something is missing, cut off or wrong;
    what was converted until then stays, and the next run goes on from there.
    """
    out.mkdir(parents=True, exist_ok=True)
    with _locked(out) as lock:
        numbers = Numbers(out)
        segments = numbers.assign(find_raw(root))
        todo = unfinished(numbers, segments, out)
        workers = workers or os.cpu_count() or 1
        if todo:
            python = find_python()
            counts = check_files(todo, workers)
            numbers.drop_replaced(todo, out)
            numbers.save()
            work = partial(convert_segment, counts=counts, out=out, python=python, lock=lock)
            with (
                ThreadPoolExecutor(workers) as pool,
                tqdm(desc='converting', total=sum(counts.values()), unit='frame') as bar,
            ):
                # map() drops, at the first error, what has not begun
                for segment, frames in zip(counts, pool.map(work, counts)):
                    numbers.finish(segment, frames)
                    numbers.save()
                    bar.update(len(frames))
        print(summary(numbers))


@contextlib.contextmanager
def _locked(out: Path) -> Iterator[int]:
    """Number of an open file that this process, and the children that inherit it, hold a lock on: a folder stays
    locked while a child that outlives this process still writes. ValueError where another process holds it."""
    with (out / '.converting').open('a') as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise InputError(f'{out}: another conversion is writing here. Wait for it or end it.') from None
        yield file.fileno()


def check_files(segments: list[Segment], workers: int) -> dict[Segment, int]:
    """Number of frames of each. ValueError, naming the files, where some are cut off or no records."""
    found = parallel_map(_count_or_problem, segments, what='checking', unit='segment', workers=workers)
    if wrong := [problem for problem in found if isinstance(problem, str)]:
        more = f'\n  and {len(wrong) - SHOWN} more' if len(wrong) > SHOWN else ''
        raise InputError(
            f'{len(wrong)} of {len(segments)} raw files are not whole:\n  '
            + '\n  '.join(sorted(wrong)[:SHOWN])
            + f'{more}\nDownload them again, or finish their downloads; nothing was converted.'
        )
    return dict(zip(segments, found))


def _count_or_problem(segment: Segment) -> int | str:
    """The number of frames in a raw file, or what is wrong with it."""
    try:
        return len(find_records(segment.path))
    except ValueError as error:
        return str(error)


def convert_segment(
    segment: Segment, *, counts: dict[Segment, int], out: Path, python: Path, lock: int
) -> dict[int, bool]:
    """Convert what is missing of a segment in a process of the other environment; frame -> has semantic labels.

    counts: number of frames of each segment. lock: file that the process inherits. ValueError where it fails.
    """
    done = converted_frames(segment, out, counts[segment])
    missing = [str(frame) for frame in range(counts[segment]) if frame not in done]
    if not missing:
        return done
    command = [python, CONVERT, segment.path, out, '--split', segment.split, '--name', segment.name]
    command += ['--number', str(segment.number), '--frames', *missing]
    ended = subprocess.run(command, capture_output=True, text=True, pass_fds=(lock,))
    if ended.returncode:
        raise InputError(_failure(segment, ended.returncode, ended.stderr.strip()))
    return done | {line['frame']: line['semantic'] for line in map(json.loads, ended.stdout.splitlines())}


DAMAGE = ('cut off', 'holds no record', 'checksum', 'is empty')
"""What the messages of tfrecord.py say of a file that is not as it was published."""


def _failure(segment: Segment, status: int, reason: str) -> str:
    """What to say of a child that failed."""
    said = reason.splitlines()[-1] if reason else 'nothing'
    if str(segment.path) in said:
        remedy = 'Download the file again; what' if any(sign in said for sign in DAMAGE) else 'What'
        return f'{said}. {remedy} was converted stays, and the next run goes on from there.'
    return f'{segment.path}: its conversion ended with status {status} and said: {said}'
