"""A list of cells in a folder: run on a few workers, each when what it comes after has finished."""

import contextlib
import os
import shutil
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from pathlib import Path
from typing import Any

from ...errors import InputError
from .cell import Cell, CellRun
from .children import Children, locked
from .progress import Progress
from .record import cell_record, describe_machine

LOST = ('failed', 'collapsed', 'blocked')


class Study:
    """Cells of one call, and what came of them.

    Args:
        cells: what is to be run, in an order in which an early end leaves most of what is wanted.
        out: folder of all cells.
        title: kind of work, begins every line of progress.
        retry_failed: run failed and collapsed cells once more.

    ValueError for two cells of one name, or a cell that comes after one that is not among them.
    """

    def __init__(self, cells: Sequence[Cell], out: Path, *, title: str, retry_failed: bool = False) -> None:
        self.cells, self.out, self.title = list(cells), out, title
        self.facts = describe_machine()
        names = [cell.name for cell in self.cells]
        if doubled := sorted({name for name in names if names.count(name) > 1}):
            raise InputError(f'{", ".join(doubled)}: more than one cell of that name; wanted one')
        self.runs = {cell.name: CellRun(cell, out, self.facts, retry_failed) for cell in self.cells}
        for cell in self.cells:
            if lacking := [before.name for before in cell.after if before.name not in self.runs]:
                raise InputError(f'{cell.name} comes after {", ".join(lacking)}, which the study does not have')

    @contextlib.contextmanager
    def locked(self) -> Iterator[Children]:
        """The right to work in the folder, and who does the work; BlockingIOError where another one has it."""
        with locked(self.out, what=self.title) as lock:
            yield Children(lock)

    def forget(self) -> None:
        """Remove all that the cells left in their folders, so that everything is done again."""
        for cell in self.cells:
            shutil.rmtree(cell.folder(self.out), ignore_errors=True)

    def result(self, name: str) -> dict[str, Any] | None:
        """`result.json` of a cell (name, status, found or message, seconds, depends_on, facts), None where it was not
        run to an end."""
        return self.runs[name].recorded()

    def found(self) -> dict[str, dict[str, Any]]:
        """Name -> what was collected, of the finished cells."""
        results = {name: self.result(name) for name in self.runs}
        return {name: found['found'] for name, found in results.items() if found and found['status'] == 'finished'}

    def status(self, name: str) -> str:
        """'finished', 'failed', 'collapsed', 'blocked' or 'not run'."""
        if result := self.result(name):
            return result['status']
        return 'blocked' if self._lost_before(self.runs[name].cell) else 'not run'

    def _lost_before(self, cell: Cell) -> list[str]:
        return [before.name for before in cell.after if self.status(before.name) in LOST]

    def record(self, command: str = '') -> dict[str, Any]:
        """What every study's record holds: complete, cells, commits, command as typed, commit, versions, machine."""
        results = {name: self.result(name) for name in self.runs}
        cells = [cell_record(name, self.status(name), found) for name, found in results.items()]
        return {
            'complete': all(cell['status'] != 'not run' for cell in cells),
            'cells': cells,
            'commits': sorted({str(found['commit']) for found in results.values() if found}),
            'command': command,
            **self.facts,
        }

    def run(
        self,
        children: Children,
        *,
        workers: int,
        threads: int | None = 1,
        on_result: Callable[[], Any] = lambda: None,
    ) -> None:
        """Run every cell that is not settled; finished cells are not run again, unless one before them is run and takes
        their outputs away.

        Args:
            children: of :meth:`locked`.
            workers: cells side by side.
            threads: of every command; None: an equal share of the CPUs for each cell that can run now, no limit for
                one alone.
            on_result: called after each cell, in this thread.

        What a cell raises, CellFailed where it was needed, and KeyboardInterrupt, end the others and are raised again.
        """
        waiting = [run for run in self.runs.values() if run.settled() is None]
        settled = [run for run in self.runs.values() if run not in waiting]
        progress = Progress(self.title, total=len(self.runs), done=len(self.runs) - len(waiting), workers=workers)
        running: dict[Future, CellRun] = {}
        with ThreadPoolExecutor(workers) as pool:
            try:
                while waiting or running:
                    self._drop_blocked(waiting, running, progress, on_result)
                    ready = self._ready(waiting, running)[: workers - len(running)]
                    share = threads or share_of_cpus(len(running) + len(ready))
                    for run in ready:
                        waiting.remove(run)
                        progress.begin(run.cell.name, run.log)
                        running[pool.submit(run.run, children, share, progress.say)] = run
                    finished, _ = wait(running, timeout=progress.wait_s, return_when=FIRST_COMPLETED)
                    for future in finished:
                        ended = running.pop(future).cell.name
                        progress.end(ended, future.result())
                        for run in [run for run in settled if ended in run.cell.all_before and run.settled() is None]:
                            settled.remove(run)
                            waiting.append(run)
                            progress.done -= 1
                        on_result()
                    if running and not finished:
                        progress.show_state()
            except BaseException:
                children.end()
                pool.shutdown(wait=True, cancel_futures=True)
                raise

    def _ready(self, waiting: Sequence[CellRun], running: dict[Future, CellRun]) -> list[CellRun]:
        """Those before which nothing is left to do."""
        open_cells = {run.cell.name for run in [*waiting, *running.values()]}
        return [run for run in waiting if not run.cell.all_before & open_cells]

    def _drop_blocked(
        self, waiting: list[CellRun], running: dict[Future, CellRun], progress: Progress, on_result: Callable[[], Any]
    ) -> None:
        """Take away what can never run, since a cell before it is lost and not to be run again."""
        open_cells = {run.cell.name for run in [*waiting, *running.values()]}
        for run in list(waiting):
            if lost := [name for name in self._lost_before(run.cell) if name not in open_cells]:
                waiting.remove(run)
                open_cells.discard(run.cell.name)
                progress.end(run.cell.name, {'status': 'blocked', 'message': f'{", ".join(lost)} gave nothing'})
                on_result()


def share_of_cpus(cells: int) -> int | None:
    """Threads for each of several cells side by side; None, no limit, for one alone."""
    return None if cells < 2 else max(1, len(os.sched_getaffinity(0)) // cells)
