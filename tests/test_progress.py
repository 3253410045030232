"""Bars draw themselves on a terminal, leave lines in a log, and nothing with --quiet."""

import argparse
import io
import os
import sys

import pytest

from dos_mm3d.engine.arguments import add_quiet
from dos_mm3d.progress import QUIET, announce, progress_bar
from dos_mm3d.studies.runner.progress import fraction_done


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def drawn(stream: io.StringIO, monkeypatch: pytest.MonkeyPatch) -> str:
    """What a bar over 300 items writes."""
    monkeypatch.setattr(sys, 'stderr', stream)
    assert list(progress_bar(range(300), 'scans', mininterval=0)) == list(range(300))
    return stream.getvalue()


def test_a_log_gets_lines(monkeypatch: pytest.MonkeyPatch, tmp_path) -> None:
    text = drawn(io.StringIO(), monkeypatch)
    assert '\r' not in text and '\x1b' not in text
    first, *between, last = text.splitlines()
    assert first.startswith('scans: 0/300 [') and last.startswith('scans: 300/300 [')
    assert all(line.startswith('scans: ') for line in between)
    (tmp_path / 'log').write_text(last.replace('300/300', '150/300'))
    assert fraction_done(tmp_path / 'log') == 0.5, 'a study reads these counts'


def test_a_log_gets_a_line_now_and_then(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, 'stderr', io.StringIO())
    list(progress_bar(range(300), 'scans'))
    assert len(sys.stderr.getvalue().splitlines()) <= 3


def test_a_terminal_gets_one_line_that_is_drawn_again(monkeypatch: pytest.MonkeyPatch) -> None:
    assert drawn(Terminal(), monkeypatch).count('\r') > 2


def test_quiet_is_no_argument_of_the_work_and_reaches_other_processes(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture
) -> None:
    monkeypatch.setenv(QUIET, '')
    announce('work: much')
    assert capsys.readouterr().out == '[work: much]\n'
    parser = argparse.ArgumentParser()
    add_quiet(parser)
    assert vars(parser.parse_args(['--quiet'])) == {}
    assert os.environ[QUIET] == '1'
    announce('work: much')
    assert capsys.readouterr().out == ''
    assert drawn(Terminal(), monkeypatch) == drawn(io.StringIO(), monkeypatch) == ''
