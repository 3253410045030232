"""What small scripts that stand in for tools were called with and shall do, and an interruption at a given moment."""

import json
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType

import pytest

SLEEP_S = 600
"""What must not be waited for sleeps so long: whatever is done sooner has not waited, however slow the machine."""


class RecordedCalls:
    """Two files below a folder: the scripts add a line for each call to `calls_file`, and read in `behaviour_file` what
    to do."""

    def __init__(self, folder: Path) -> None:
        self.calls_file, self.behaviour_file = folder / 'calls.txt', folder / 'behaviour.json'
        self.calls_file.touch()
        self.behave()

    def behave(self, **wanted: object) -> None:
        """What is not named goes well."""
        self.behaviour_file.write_text(json.dumps(wanted))

    def take_calls(self) -> list[str]:
        """What was called since the last time."""
        calls = self.calls_file.read_text().splitlines()
        self.calls_file.write_text('')
        return calls


@contextmanager
def interrupted_when(moment: Callable[[], bool]) -> Iterator[None]:
    """Ctrl-C as soon as `moment` has come, and the block must end with it before what sleeps `SLEEP_S`."""

    def ctrl_c(number: int, frame: FrameType) -> None:
        # only while the study waits: matplotlib, for one, may swallow the exception
        if moment() and Path(frame.f_code.co_filename).name == 'threading.py':
            signal.setitimer(signal.ITIMER_REAL, 0)
            raise KeyboardInterrupt

    before, start = signal.signal(signal.SIGALRM, ctrl_c), time.perf_counter()
    try:
        signal.setitimer(signal.ITIMER_REAL, 0.2, 0.1)
        with pytest.raises(KeyboardInterrupt):
            yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
    assert time.perf_counter() - start < SLEEP_S, 'the sleeping children were waited for'
