"""How far a study is: lines that stay, the state of what runs, the time left."""

import re
import shutil
import sys
import threading
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from statistics import fmean
from typing import Any

LINE_S, REDRAW_S = 30.0, 0.5
TAIL_BYTES = 8192
# mmengine counts `[ 30/300]`, tqdm `30/300 [`
_STEPS = re.compile(r'\[\s*(\d+)/(\d+)\]|\b(\d+)/(\d+) \[')


class Progress:
    """Prints what happens, and the state of what runs: redrawn on a terminal, else a line now and then.

    Args:
        title: begins every line.
        total: cells, those done before included.
        done: cells done before.
        workers: how many run side by side.
    """

    def __init__(self, title: str, *, total: int, done: int, workers: int) -> None:
        self.title, self.total, self.done, self.workers = title, total, done, workers
        self.start = time.perf_counter()
        self.durations_s: list[float] = []
        self.running: dict[str, tuple[float, Path]] = {}
        self.terminal = sys.stdout.isatty()
        self.wait_s = REDRAW_S if self.terminal else LINE_S
        self.lock = threading.Lock()
        todo = total - done
        self.say(f'[{title}: {total} cells, {done} done before, {todo} to do on {workers} worker(s)]')

    def begin(self, name: str, log: Path) -> None:
        """A cell begins; its steps will be counted in `log`."""
        self.running[name] = time.perf_counter(), log

    def end(self, name: str, result: Mapping[str, Any]) -> None:
        """A cell has its result."""
        if name in self.running:
            self.durations_s.append(time.perf_counter() - self.running.pop(name)[0])
        self.done += 1
        self.say(self.line(f'{name}: {outcome(result)}'))

    def say(self, text: str) -> None:
        """A line that stays."""
        with self.lock:
            print(('\r\x1b[2K' if self.terminal else '') + text, flush=True)

    def show_state(self) -> None:
        """What runs, on the terminal's last line or in a line of its own."""
        text = self.line(self.running_text())
        if not self.terminal:
            return self.say(text)
        with self.lock:
            print(f'\r\x1b[2K{text[: shutil.get_terminal_size().columns - 1]}', end='', flush=True)

    def line(self, text: str) -> str:
        """`[title: i of n cells, elapsed, left]` and a text."""
        now = time.perf_counter()
        running = [(now - begin, fraction_done(log)) for begin, log in list(self.running.values())]
        waiting = self.total - self.done - len(running)
        left_s = seconds_left(self.durations_s, running, waiting=waiting, workers=self.workers)
        left = 'unknown' if left_s is None else f'about {duration(left_s)}'
        elapsed = duration(now - self.start)
        return f'[{self.title}: {self.done} of {self.total} cells, {elapsed} elapsed, {left} left] {text}'

    def running_text(self) -> str:
        """The cells that run, each with its share of the steps while it counts them."""
        shares = {name: fraction_done(log) for name, (_, log) in list(self.running.items())}
        states = {
            name: 'all its steps' if share == 1 else f'{100 * share:.0f} % of its steps'
            for name, share in shares.items()
        }
        return 'running: ' + ', '.join(f'{name} ({states[name]})' if share else name for name, share in shares.items())


def outcome(result: Mapping[str, Any]) -> str:
    """What came of a cell, in a few words."""
    if result['status'] == 'finished':
        return result['said']
    if result['status'] == 'collapsed':
        return f'collapsed at step {result["step"]}'
    return f'{result["status"]}: {result["message"]}'


def fraction_done(log: Path) -> float:
    """Share of the steps of a log's last line that counts them, of its last command; 0 where there is none."""
    if not log.is_file():
        return 0.0
    with open(log, 'rb') as file:
        file.seek(max(0, log.stat().st_size - TAIL_BYTES))
        text = file.read().decode(errors='replace')
    counts = _STEPS.findall(text.rpartition('\n$ ')[2])
    if not counts:
        return 0.0
    done, total = (int(number) for number in counts[-1] if number)
    return min(done / max(total, 1), 1.0)


def seconds_left(
    durations_s: Sequence[float], running: Sequence[tuple[float, float]], *, waiting: int, workers: int
) -> float | None:
    """Seconds until all is done, None while nothing can be said.

    Args:
        durations_s: of finished cells.
        running: (seconds so far, share of the steps) of each running cell; before the first has finished, the one that
            is furthest says how long a cell takes.
        waiting: cells not begun.
        workers: how many run side by side.
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
