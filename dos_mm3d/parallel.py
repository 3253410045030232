"""One function over many jobs, in several processes, with a progress bar."""

import os
import signal
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from itertools import chain
from multiprocessing import active_children, get_context
from typing import TypeVar

from tqdm import tqdm

from .progress import progress_bar

Job, Result = TypeVar('Job'), TypeVar('Result')
MESSAGES_PER_WORKER = 64  # at least so many, where there are as many jobs: small jobs travel together


def parallel_map(
    work: Callable[[Job], Result],
    jobs: Iterable[Job],
    *,
    what: str,
    unit: str,
    sizes: Sequence[int] | None = None,
    workers: int | None = None,
    finished: Callable[[Job, Result], None] | None = None,
) -> list[Result]:
    """Results of ``work`` in the order of the jobs, whatever finished first.

    The first error ends it and is raised here; jobs that had not begun are dropped. Ctrl-C ends all processes at once.

    Args:
        work: a function of a module, or a partial of one: processes are forked, but it travels by its name.
        jobs: what it is called with.
        what: name of the progress bar.
        unit: what the bar counts.
        sizes: number of these units in each job; None: one.
        workers: number of processes; None: one for each CPU. One works in this process.
        finished: called here with each job and its result as soon as those before it are there too.
    """
    if workers is not None and workers < 1:
        raise ValueError(f'workers must be 1 or more, got {workers}')
    jobs = list(jobs)
    sizes = [1] * len(jobs) if sizes is None else sizes
    workers = min(workers or os.cpu_count() or 1, len(jobs))
    with progress_bar(title=what, total=sum(sizes), unit=unit, disable=not jobs) as bar:
        if workers <= 1:
            return list(_told(map(work, jobs), jobs, sizes, bar, finished))
        others, size = set(active_children()), max(1, len(jobs) // (workers * MESSAGES_PER_WORKER))
        with ProcessPoolExecutor(workers, get_context('fork'), initializer=_leave_interrupts_to_parent) as pool:
            try:
                pieces = [pool.submit(_in_turn, work, jobs[at : at + size]) for at in range(0, len(jobs), size)]
                results = chain.from_iterable(piece.result() for piece in pieces)
                return list(_told(results, jobs, sizes, bar, finished))
            except KeyboardInterrupt:  # nothing is cancelled: the pool complains of cancelled work when its workers die
                for worker in set(active_children()) - others:
                    worker.terminate()
                raise
            except Exception:
                pool.shutdown(cancel_futures=True)
                raise


def _in_turn(work: Callable[[Job], Result], jobs: Sequence[Job]) -> list[Result]:
    return [work(job) for job in jobs]


def _leave_interrupts_to_parent() -> None:
    """Ctrl-C reaches every process: a worker that died of it would look like a crash before the parent has seen it."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)


def _told(
    results: Iterable[Result],
    jobs: Sequence[Job],
    sizes: Sequence[int],
    bar: tqdm,
    finished: Callable[[Job, Result], None] | None,
) -> Iterator[Result]:
    for result, job, size in zip(results, jobs, sizes, strict=True):
        bar.update(size)
        if finished is not None:
            finished(job, result)
        yield result
