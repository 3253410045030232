"""How far a study is: lines that stay, the state of what runs, the time left."""

import re
import shutil
import sys
import threading
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ...progress import is_quiet
from ...units import duration

LINE_S, REDRAW_S = 30.0, 0.5
TAIL_BYTES = 8192
LEAST_CELLS = 0.05
"""Cells, most often a share of one, that must be done before the time left is told."""
# mmengine counts `[ 30/300]`, tqdm `30/300 [`, a study inside of another one `3 of 30 cells`
_STEPS = re.compile(r'\[\s*(\d+)/(\d+)\]|\b(\d+)/(\d+) \[|\b(\d+) of (\d+) cells')


class Progress:
    """Prints what happens, and the state of what runs: redrawn on a terminal, else a line now and then.

    Args:
        title: begins every line.
        total: cells, those done before included.
        done: cells done before.
        workers: how many run side by side.
    """

    def __init__(self, title: str, *, total: int, done: int, workers: int) -> None:
        self.title, self.total, self.done = title, total, done
        self.start = time.perf_counter()
        self.run_here = 0
        self.running: dict[str, Path] = {}
        self.terminal = sys.stdout.isatty()
        self.wait_s = REDRAW_S if self.terminal else LINE_S
        self.lock = threading.Lock()
        self.say(f'[{title}: {total} cells, {done} done before, {total - done} to do on {workers} worker(s)]')

    def begin(self, name: str, log: Path) -> None:
        """A cell begins; its steps will be counted in `log`."""
        self.running[name] = log

    def end(self, name: str, result: Mapping[str, Any]) -> None:
        """A cell has its result."""
        self.run_here += self.running.pop(name, None) is not None
        self.done += 1
        self.say(self.line(f'{name}: {outcome(result)}'))

    def say(self, text: str) -> None:
        """A line that stays."""
        if is_quiet():
            return
        with self.lock:
            print(('\r\x1b[2K' if self.terminal else '') + text, flush=True)

    def show_state(self) -> None:
        """What runs, on the terminal's last line or in a line of its own."""
        text = self.line(self.running_text())
        if not self.terminal or is_quiet():
            return self.say(text)
        with self.lock:
            print(f'\r\x1b[2K{text[: shutil.get_terminal_size().columns - 1]}', end='', flush=True)

    def line(self, text: str) -> str:
        """`[title: i of n cells, elapsed, left]` and a text."""
        elapsed_s = time.perf_counter() - self.start
        shares = sum(fraction_done(log) for log in self.running.values())
        left = words_for(seconds_left(elapsed_s, self.run_here + shares, self.total - self.done - shares))
        elapsed = duration(elapsed_s)
        return f'[{self.title}: {self.done} of {self.total} cells, {elapsed} elapsed, {left} left] {text}'

    def running_text(self) -> str:
        """The cells that run, each with its share of the steps while it counts them."""
        shares = {name: fraction_done(log) for name, log in self.running.items()}
        states = (f'{name} ({share:.0%} of its steps)' if share else name for name, share in shares.items())
        return 'running: ' + ', '.join(states)


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


def seconds_left(elapsed_s: float, cells_done: float, cells_left: float) -> float | None:
    """Seconds until all is done at the pace of this call, None while too little is done to say."""
    return None if cells_done < LEAST_CELLS else elapsed_s * cells_left / cells_done


def words_for(left_s: float | None) -> str:
    """Before `left`: a cell that has done its steps may still test what it trained."""
    if left_s is None:
        return 'unknown'
    return f'about {duration(left_s)}' if left_s >= 1 else 'little'
