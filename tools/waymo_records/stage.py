"""Convert all raw segments, a process of the other environment for each, several side by side."""

import contextlib
import fcntl
import json
import os
import subprocess
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor, as_completed
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
            Pool(out, python, numbers, lock).run(counts, workers)
        print(summary(numbers))


@contextlib.contextmanager
def _locked(out: Path) -> Iterator:
    """Open file that this process, and the children that inherit it, hold a lock on. ValueError where another does."""
    with (out / '.converting').open('a') as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise InputError(f'{out}: another conversion is writing here. Wait for it or end it.') from None
        yield file


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


class Pool:
    """Runs convert.py for each segment. lock: inherited by the children, so that the folder stays locked while one
    that outlives this process still writes."""

    def __init__(self, out: Path, python: Path, numbers: Numbers, lock) -> None:
        self.out, self.python, self.numbers, self.lock = out, python, numbers, lock
        self.guard, self.running, self.ending = threading.Lock(), set(), False

    def run(self, counts: dict[Segment, int], workers: int) -> None:
        """Convert what is missing of the segments. counts: number of frames of each."""
        with (
            ThreadPoolExecutor(workers) as pool,
            tqdm(desc='converting', total=sum(counts.values()), unit='frame') as bar,
        ):
            futures = {pool.submit(self._segment, *item, bar.update): item[0] for item in counts.items()}
            try:
                for future in as_completed(futures):
                    self.numbers.finish(futures[future], future.result())
                    self.numbers.save()
            except BaseException:
                self._end()
                pool.shutdown(cancel_futures=True)
                raise

    def _segment(self, segment: Segment, count: int, advance: Callable[[int], object]) -> dict[int, bool]:
        """Convert one; frame -> has semantic labels."""
        done = converted_frames(segment, self.out, count)
        missing = [frame for frame in range(count) if frame not in done]
        advance(len(done))
        if missing:
            for line in self._lines(segment, missing):
                done[line['frame']] = line['semantic']
                advance(1)
        return done

    def _lines(self, segment: Segment, missing: list[int]) -> Iterator[dict]:
        """What convert.py says of each frame. ValueError with its reason where it fails."""
        command = [self.python, CONVERT, segment.path, self.out, '--split', segment.split, '--name', segment.name]
        command += ['--number', str(segment.number), '--frames', *map(str, missing)]
        with self.guard:
            if self.ending:
                return
            process = subprocess.Popen(
                command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, pass_fds=(self.lock.fileno(),)
            )
            self.running.add(process)
        with process:
            for line in process.stdout:
                yield json.loads(line)
            reason = process.stderr.read().strip()
        self.running.discard(process)
        if process.returncode:
            raise InputError(_failure(segment, process.returncode, reason))

    def _end(self) -> None:
        """End the children; none is begun afterwards."""
        with self.guard:
            self.ending = True
            for process in list(self.running):
                process.terminate()


DAMAGE = ('cut off', 'holds no record', 'checksum', 'is empty')
"""What the messages of tfrecord.py say of a file that is not as it was published."""


def _failure(segment: Segment, status: int, reason: str) -> str:
    """What to say of a child that failed."""
    said = reason.splitlines()[-1] if reason else 'nothing'
    if str(segment.path) in said:
        remedy = 'Download the file again; what' if any(sign in said for sign in DAMAGE) else 'What'
        return f'{said}. {remedy} was converted stays, and the next run goes on from there.'
    return f'{segment.path}: its conversion ended with status {status} and said: {said}'
