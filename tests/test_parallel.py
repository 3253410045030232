"""The parallel map: results in order, the first error, and an interrupt that ends every process in silence."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from dos_mm3d.parallel import parallel_map


def _square(number: int) -> int:
    time.sleep(0.02 * (3 - number % 4))  # later jobs finish first
    return number * number


def _touch(job: tuple[Path, int]) -> None:
    folder, number = job
    if number == 1:
        raise ValueError('job 1 is bad')
    time.sleep(0.05)
    (folder / str(number)).touch()


@pytest.mark.parametrize('workers', [1, 3, None])
def test_results_stand_in_the_order_of_the_jobs(workers: int | None) -> None:
    assert parallel_map(_square, range(9), what='squares', unit='number', workers=workers) == [i * i for i in range(9)]
    assert parallel_map(_square, [], what='squares', unit='number', workers=workers) == []


@pytest.mark.parametrize('workers', [1, 2])
def test_the_first_error_ends_it(tmp_path: Path, workers: int) -> None:
    with pytest.raises(ValueError, match='job 1 is bad'):
        parallel_map(_touch, [(tmp_path, number) for number in range(2000)], what='jobs', unit='job', workers=workers)
    assert len(list(tmp_path.iterdir())) < 1000, 'what had not begun is dropped'


@pytest.mark.parametrize('workers', [1, 2])
def test_what_is_finished_is_told_before_an_error(tmp_path: Path, workers: int) -> None:
    told = []
    with pytest.raises(ValueError, match='job 1 is bad'):
        parallel_map(
            _touch,
            [(tmp_path, number) for number in range(3)],
            what='jobs',
            unit='job',
            workers=workers,
            finished=lambda job, result: told.append((job[1], result)),
        )
    assert told == [(0, None)]


def test_the_bar_counts_units(capsys: pytest.CaptureFixture) -> None:
    parallel_map(_square, [1, 2], what='rendering', unit='sweep', sizes=[30, 12], workers=1)
    assert 'rendering: 42/42 [' in capsys.readouterr().err


INTERRUPTED = """
import os, signal, time
from alone.parallel import parallel_map
signal.signal(signal.SIGINT, signal.default_int_handler)  # a test run in the background inherits that it is ignored
def work(number):
    os.write(1, b'begun' + bytes([10]))
    time.sleep(600)
try:
    parallel_map(work, range(8), what='jobs', unit='job', workers=2)
except KeyboardInterrupt:
    print('interrupted')
"""


def test_an_interrupt_ends_all_processes_at_once_and_in_silence(tmp_path: Path) -> None:
    source, alone = Path(sys.modules['dos_mm3d.parallel'].__file__), tmp_path / 'alone'
    alone.mkdir()  # without the package around them, which takes seconds to import
    for name in ('parallel.py', 'progress.py'):
        (alone / name).symlink_to(source.with_name(name))
    script = tmp_path / 'script.py'
    script.write_text(INTERRUPTED)
    run = subprocess.Popen(
        [sys.executable, script],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
        env={**os.environ, 'PYTHONPATH': str(tmp_path)},
    )
    assert [run.stdout.readline() for _ in range(2)] == ['begun\n'] * 2
    os.killpg(run.pid, signal.SIGINT)  # as a terminal does
    said, complaints = run.communicate(timeout=300)  # had it waited for the workers: 600 s
    assert said == 'interrupted\n' and 'Traceback' not in complaints, complaints
