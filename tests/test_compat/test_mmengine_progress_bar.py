"""mmengine's progress bar draws itself on a terminal, leaves a line now and then in a log, and nothing with --quiet."""

import io

import pytest
from mmengine.utils import ProgressBar

from dos_mm3d.progress import QUIET


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def drawn(file: io.StringIO) -> str:
    bar = ProgressBar(200, file=file)
    for _ in range(200):
        bar.update()
    return file.getvalue()


def test_a_log_gets_a_line_at_the_end_of_quick_work(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(QUIET, raising=False)
    assert drawn(io.StringIO()).startswith('200/200 [0.') and drawn(io.StringIO()).count('\n') == 1
    assert drawn(Terminal()).count('\r') == 200


def test_long_work_is_told_of_now_and_then(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(QUIET, raising=False)
    bar = ProgressBar(3, file=io.StringIO())
    monkeypatch.setattr(bar.timer, 'since_start', lambda: 12.0 * bar.completed)
    for _ in range(3):
        bar.update()
    assert bar.file.getvalue() == '1/3 [12 s]\n2/3 [24 s]\n3/3 [36 s]\n'


def test_quiet(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(QUIET, '1')
    assert drawn(io.StringIO()) == drawn(Terminal()) == ''
