"""How far something is: a bar on a terminal, a line now and then in a log, nothing with --quiet."""

import os
import sys
from collections.abc import Iterable
from typing import Any, TextIO

from tqdm import tqdm

QUIET = 'DOS_QUIET'
"""Environment variable; '1' is what --quiet sets, for the processes below a command, too."""
LINE_S = 10.0
"""Between two lines of a log."""
_LINE = '{desc}: {n_fmt}/{total_fmt} [{elapsed}<{remaining}, {rate_fmt}]'  # the counts as in tqdm's own bars


def is_quiet() -> bool:
    """Whether only results, warnings and errors are wanted."""
    return os.environ.get(QUIET) == '1'


def say(text: str) -> None:
    """Print what is being done; not with --quiet."""
    if not is_quiet():
        print(text, flush=True)


def announce(text: str) -> None:
    """Say before a long command what it will do, how long that takes where it is known, and where its results will
    be."""
    say(f'[{text}]')


class LogLines:
    """A stream in which a bar that draws itself anew becomes one line after the other."""

    def __init__(self, stream: TextIO) -> None:
        self.stream, self.last = stream, ''

    def write(self, text: str) -> None:
        """Keep what is to be read: no carriage returns, no line that wipes out another or says the same."""
        if (line := text.strip()) and line != self.last:
            self.stream.write(f'{line}\n')
            self.last = line

    def flush(self) -> None:
        self.stream.flush()


def progress_bar(items: Iterable | None = None, title: str = '', **options: Any) -> tqdm:
    """tqdm's bar on standard error. options: of tqdm; `disable=True` and --quiet leave it out."""
    if not sys.stderr.isatty():
        options = {'file': LogLines(sys.stderr), 'mininterval': LINE_S, 'bar_format': _LINE, **options}
    return tqdm(items, title, **{**options, 'disable': is_quiet() or options.get('disable', False)})
