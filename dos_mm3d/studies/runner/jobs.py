"""Running the jobs of a ladder, or of a protocol, on a few workers, with progress and the time left."""

import re
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from pathlib import Path
from statistics import fmean
from typing import Any, Protocol

from .children import Children

LINE_S = 30.0
TAIL_BYTES = 8192
_STEPS = re.compile(r'\[\s*(\d+)/(\d+)\]')


class Job(Protocol):
    """One piece of work: `finished` returns what is recorded of it or None, `run` does it and returns the same."""

    name: str
    log: Path

    def finished(self) -> Mapping[str, Any] | None: ...

    def run(self, children: Children) -> Mapping[str, Any]: ...


def run_jobs(
    jobs: Sequence[Job],
    children: Children,
    *,
    workers: int,
    on_result: Callable[[], None],
    line_s: float = LINE_S,
    title: str = 'ladder',
) -> None:
    """Run every job that is not finished, `workers` at a time; on_result() after each. title: begins every line.

    What a job raises, and KeyboardInterrupt, ends the others and is raised again; finished ones stay finished.
    """
    waiting = [job for job in jobs if job.finished() is None]
    progress = Progress(total=len(jobs), done=len(jobs) - len(waiting), workers=workers, title=title)
    print(progress.begin(), flush=True)
    with ThreadPoolExecutor(workers) as pool:
        futures = {pool.submit(progress.timed, job, children): job for job in waiting}
        try:
            _follow(futures, progress, on_result, line_s)
        except BaseException:
            children.end()
            pool.shutdown(wait=True, cancel_futures=True)
            raise


def _follow(futures: dict[Future, Job], progress: 'Progress', on_result: Callable[[], None], line_s: float) -> None:
    """Print a line per finished job, and one on the state of things where nothing happened for `line_s`."""
    pending = set(futures)
    while pending:
        finished, pending = wait(pending, timeout=line_s, return_when=FIRST_COMPLETED)
        for future in finished:
            result = future.result()
            progress.done += 1
            print(progress.line(f'{futures[future].name}: {outcome(result)}'), flush=True)
            on_result()
        if not finished:
            print(progress.line(progress.running_text()), flush=True)


def outcome(result: Mapping[str, Any]) -> str:
    """What came of a job, in a few words."""
    if result.get('status') == 'collapsed':
        return f'collapsed at step {result["step"]}'
    if result.get('status') == 'failed':
        return f'failed: {result["message"]}'
    return f'{result["probe"]["teacher"]["miou"]:.1f} mIoU' if 'probe' in result else result.get('said', 'done')


class Progress:
    """How far it is. total: jobs, those done before included.  workers: how many run side by side."""

    def __init__(self, *, total: int, done: int, workers: int, title: str = 'ladder') -> None:
        self.title = title
        self.total, self.done, self.workers, self.done_before = total, done, workers, done
        self.start = time.perf_counter()
        self.durations_s: list[float] = []
        self.started: dict[str, tuple[float, Path]] = {}

    def timed(self, job: Job, children: Children) -> Mapping[str, Any]:
        """Run a job, in a worker, and remember how long it took."""
        begin = time.perf_counter()
        self.started[job.name] = (begin, job.log)
        try:
            result = job.run(children)
        finally:
            del self.started[job.name]
        self.durations_s.append(time.perf_counter() - begin)
        return result

    def begin(self) -> str:
        """The first line."""
        todo = self.total - self.done
        return f'[{self.title}: {self.total} cells, {self.done} done before, {todo} to do on {self.workers} worker(s)]'

    def line(self, text: str) -> str:
        """`cell i of n, elapsed, left` and a text."""
        now = time.perf_counter()
        running = [(now - begin, fraction_done(log)) for begin, log in list(self.started.values())]
        waiting = self.total - self.done - len(running)
        left_s = seconds_left(self.durations_s, running, waiting=waiting, workers=self.workers)
        left = 'unknown' if left_s is None else f'about {duration(left_s)}'
        elapsed = duration(now - self.start)
        return f'[{self.title}: {self.done} of {self.total} cells, {elapsed} elapsed, {left} left] {text}'

    def running_text(self) -> str:
        """The jobs that run, each with its share of the steps while it trains."""
        shares = {name: fraction_done(log) for name, (_, log) in list(self.started.items())}
        states = {
            name: 'all its steps' if share == 1 else f'{100 * share:.0f} % of its steps'
            for name, share in shares.items()
        }
        return 'running: ' + ', '.join(f'{name} ({states[name]})' if share else name for name, share in shares.items())


def fraction_done(log: Path) -> float:
    """Share of the steps of a pretraining log's last line that counts them, as `[ 30/300]`; 0 where there is none."""
    if not log.is_file():
        return 0.0
    with open(log, 'rb') as file:
        file.seek(max(0, log.stat().st_size - TAIL_BYTES))
        text = file.read().decode(errors='replace')
    counts = _STEPS.findall(text.rpartition('\n$ ')[2])
    return min(int(counts[-1][0]) / max(int(counts[-1][1]), 1), 1.0) if counts else 0.0


def seconds_left(
    durations_s: Sequence[float], running: Sequence[tuple[float, float]], *, waiting: int, workers: int
) -> float | None:
    """Seconds until all is done, None while nothing can be said.

    durations_s: of finished jobs.  running: (seconds so far, share of the steps) of each running job; before the first
    has finished, the one that is furthest says how long a job takes.  waiting: jobs not begun.
    """
    if durations_s:
        each_s = fmean(durations_s)
    else:
        estimates = [elapsed / share for elapsed, share in running if share >= 0.05]
        if not estimates:
            return None
        each_s = fmean(estimates)
    rest_s = sum(max(each_s - elapsed, 0.0) for elapsed, _ in running)
    return (rest_s + waiting * each_s) / min(workers, max(waiting + len(running), 1))


def duration(seconds: float) -> str:
    """Like 1 h 05 min, 12 min, 40 s."""
    minutes = round(seconds / 60)
    if seconds < 120:
        return f'{seconds:.0f} s'
    return f'{minutes} min' if minutes < 120 else f'{minutes // 60} h {minutes % 60:02d} min'
