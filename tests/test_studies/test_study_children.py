"""What a study starts: processes of its own, side by side; how they end, and what is said of them."""

import os
import signal
import time
from functools import partial
from pathlib import Path

import pytest

from dos_mm3d.studies.runner import Cell, Children, Interrupted, locked
from dos_mm3d.studies.runner.cell import describe_failure
from dos_mm3d.studies.runner.progress import fraction_done, seconds_left, words_for
from tests.helpers.recorded_calls import SLEEP_S, interrupted_when
from tests.helpers.study_cells import APPEND, ending, python, run, statuses


def test_a_function_runs_in_a_process_of_its_own(tmp_path: Path) -> None:
    here = os.getpid()

    def work(folder: Path) -> None:
        print('pid', os.getpid())
        os.system('echo compiled')
        (folder / 'pid').write_text(str(os.getpid()))

    def read(folder: Path) -> dict[str, object]:
        return {'pid': int((folder / 'pid').read_text()), 'said': 'well'}

    cell = Cell('a', {}, lambda folder: [partial(work, folder)], read)
    study = run(tmp_path, cell)
    pid = study.found()['a']['pid']
    assert pid != here
    log = (cell.folder(tmp_path) / 'log').read_text()
    assert f'pid {pid}' in log and 'compiled' in log


def kill_myself() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def test_a_function_that_raises_or_dies_or_hangs_is_one_failed_cell(tmp_path: Path) -> None:
    cells = [
        Cell('raises', {}, lambda folder: [lambda: int('x')]),
        Cell('dies', {}, lambda folder: [kill_myself]),
        Cell('hangs', {}, lambda folder: [lambda: time.sleep(SLEEP_S)], limit_s=0.5),
        Cell('program', {}, lambda folder: [python(f'import time; time.sleep({SLEEP_S})')], limit_s=0.5),
    ]
    start = time.perf_counter()
    study = run(tmp_path, *cells, workers=2)
    assert time.perf_counter() - start < SLEEP_S
    messages = {cell.name: study.result(cell.name)['message'] for cell in cells}
    assert 'invalid literal for int' in messages['raises']
    assert 'signal 9' in messages['dies'] and 'memory' in messages['dies']
    assert 'took longer' in messages['hangs'] and 'took longer' in messages['program']


def test_cells_that_run_side_by_side_share_the_cpus(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each of two waits for the other's file; the third runs alone, in the environment as it is."""
    monkeypatch.setenv('OMP_NUM_THREADS', '7')
    code = (
        'import os, pathlib, sys, time; mine, other = map(pathlib.Path, sys.argv[1:]); '
        "mine.write_text(os.environ.get('OMP_NUM_THREADS', ''))\n"
        'while not other.exists(): time.sleep(0.01)'
    )
    files = {name: tmp_path / name for name in ('one', 'two', 'alone')}
    pairs = (('one', 'two'), ('two', 'one'))
    cells = [Cell(a, {}, lambda folder, a=a, b=b: [python(code, files[a], files[b])]) for a, b in pairs]
    alone = Cell('alone', {}, lambda folder: [python(code, files['alone'], files['one'])], after=tuple(cells))
    run(tmp_path, *cells, alone, workers=2, threads=None)
    share = str(max(1, len(os.sched_getaffinity(0)) // 2))
    assert [path.read_text() for path in files.values()] == [share, share, '7']


def test_a_title_and_its_commands_are_said(tmp_path: Path, capsys: pytest.CaptureFixture) -> None:
    run(tmp_path, ending('a', 'pass', title='what it is'))
    lines = capsys.readouterr().out.splitlines()
    assert '  what it is' in lines
    assert any(line.startswith('    $ python') for line in lines), lines


def test_an_end_ends_all_children_and_the_same_call_goes_on(tmp_path: Path) -> None:
    log = tmp_path / 'log'
    sleep = tmp_path / 'sleep'
    sleep.touch()
    code = f'import pathlib, time\nif pathlib.Path({str(sleep)!r}).exists(): time.sleep({SLEEP_S})'
    cells = [Cell('a', {}, lambda folder: [python(APPEND, log, 'a'), python(code)])]
    cells.append(Cell('b', {}, lambda folder: [lambda: time.sleep(SLEEP_S if sleep.exists() else 0)]))
    # this process and three children
    lock = tmp_path / 'lock'
    with interrupted_when(lambda: lock.exists() and len(lock.read_text().splitlines()) == 4):
        run(tmp_path, *cells, workers=2)
    with locked(tmp_path):
        pass
    sleep.unlink()
    assert statuses(run(tmp_path, *cells, workers=2)) == {'a': 'finished', 'b': 'finished'}
    assert log.read_text() == 'a', 'a finished command was repeated'


def test_a_child_that_outlives_its_study_keeps_the_folder(tmp_path: Path) -> None:
    with locked(tmp_path) as lock:
        children = Children(lock)
        with open(tmp_path / 'log', 'ab') as log:
            process = children.start(python(f'import time; time.sleep({SLEEP_S})'), log, 1)
    with pytest.raises(BlockingIOError, match=f'in use.*{process.pid}'), locked(tmp_path):
        pass
    children.end()
    assert process.poll() is not None
    with locked(tmp_path):
        pass
    with pytest.raises(Interrupted):
        children.run(python(''), tmp_path / 'log')


def test_children_run_on_one_thread(tmp_path: Path) -> None:
    script = 'import os; print(os.environ["OMP_NUM_THREADS"], os.environ["OMP_WAIT_POLICY"])'
    with locked(tmp_path) as lock:
        status, output = Children(lock).run(python(script), tmp_path / 'log')
    assert (status, output) == (0, '1 PASSIVE\n')


def test_time_left() -> None:
    assert seconds_left(5.0, 0.01, 3.99) is None
    assert seconds_left(30.0, 0.5, 4.5) == 270
    assert seconds_left(100.0, 2.5, 0.5) == 20
    assert [words_for(left) for left in (None, 270, 0.0)] == ['unknown', 'about 4 min 30 s', 'little']


def test_progress_is_read_from_the_log(tmp_path: Path) -> None:
    log = tmp_path / 'log'
    assert fraction_done(log) == 0
    log.write_text('\n$ train\nIter(train) [290/300]  lr: 1\n\n$ train --resume\nIter(train) [ 30/300]  lr: 1\nother')
    assert fraction_done(log) == 0.1
    log.write_text('\n$ probe\nprobe: test scans:  25%|##4       | 18/72 [00:10<00:30]')
    assert fraction_done(log) == 0.25
    log.write_text(
        '\n$ run_protocol\n[few_shot: 8 cells, 0 done before]\n[few_shot: 2 of 8 cells, 0:00:10 elapsed] dos_0'
    )
    assert fraction_done(log) == 0.25, 'of a study inside of another one'
    log.write_text('\n$ train\nIter(train) [290/300]  lr: 1\n\n$ test\nloading')
    assert fraction_done(log) == 0, 'of the command that runs'


def test_how_a_command_ended_is_said() -> None:
    assert describe_failure(-9, '', 'log')['message'].startswith('was ended by signal 9')
    assert describe_failure(2, 'a\nerror: first\nerror: the word\nb', 'log')['message'].endswith('log is log: the word')
