"""Stages are done once, again when what they depend on changes, and go on after an interruption."""

import json
import os
import sys
import time
from pathlib import Path

import pytest

from dos_mm3d.studies.quickstart.stage_runner import Stage, StageRunner
from dos_mm3d.studies.runner.logged_command import Commands, StageFailed, progress_line

COUNT = (
    'import pathlib, sys; out, source = map(pathlib.Path, sys.argv[1:]); out.parent.mkdir(exist_ok=True); '
    "out.write_text(out.read_text() + 'x' if out.exists() else 'x')"
)


def counting_stage(folder: Path, name: str, source: Path, *, own_folder: bool = False, after=()) -> Stage:
    """Appends one letter to its output per run."""
    out = folder / name / 'out.txt'
    command = [sys.executable, '-c', COUNT, str(out), str(source)]
    return Stage(name, name, [command], [source], [out], out.parent if own_folder else None, after)


def run_twice_staged(folder: Path, source: Path, other: Path, **options) -> tuple[str, str]:
    runner = StageRunner(folder / 'stages.json', folder / 'logs', total=2, **options)
    first = counting_stage(folder, 'first', source)
    second = counting_stage(folder, 'second', other, after=['first'])
    runner.run(first)
    runner.run(second)
    return first.outputs[0].read_text(), second.outputs[0].read_text()


@pytest.fixture
def files(tmp_path: Path) -> tuple[Path, Path]:
    (tmp_path / 'a.py').write_text('1')
    (tmp_path / 'b.py').write_text('1')
    return tmp_path / 'a.py', tmp_path / 'b.py'


def test_finished_stages_are_not_done_again(tmp_path: Path, files) -> None:
    assert run_twice_staged(tmp_path, *files) == ('x', 'x')
    assert run_twice_staged(tmp_path, *files) == ('x', 'x')
    assert run_twice_staged(tmp_path, *files, fresh=True) == ('xx', 'xx')


def test_a_changed_input_repeats_its_stage_and_all_after_it(tmp_path: Path, files) -> None:
    run_twice_staged(tmp_path, *files)
    files[1].write_text('2')
    assert run_twice_staged(tmp_path, *files) == ('x', 'xx')
    files[0].write_text('2')
    assert run_twice_staged(tmp_path, *files) == ('xx', 'xxx')


def test_a_missing_output_repeats_the_stage(tmp_path: Path, files) -> None:
    run_twice_staged(tmp_path, *files)
    (tmp_path / 'second' / 'out.txt').unlink()
    assert run_twice_staged(tmp_path, *files) == ('x', 'x')


def test_interrupted_work_is_kept_and_its_time_counted(tmp_path: Path, files) -> None:
    stage = counting_stage(tmp_path, 'first', files[0], own_folder=True)
    runner = StageRunner(tmp_path / 'stages.json', tmp_path / 'logs', total=1)
    runner.run(stage)
    records = json.loads((tmp_path / 'stages.json').read_text())
    records['first'].update(finished=False, seconds=100.0, commands_done=0)
    (tmp_path / 'stages.json').write_text(json.dumps(records))
    seconds = StageRunner(tmp_path / 'stages.json', tmp_path / 'logs', total=1).run(stage)['first']
    assert stage.outputs[0].read_text() == 'xx', 'the folder of an interrupted stage with the same inputs was emptied'
    assert seconds > 100


def test_other_inputs_start_from_an_empty_folder(tmp_path: Path, files) -> None:
    stage = counting_stage(tmp_path, 'first', files[0], own_folder=True)
    StageRunner(tmp_path / 'stages.json', tmp_path / 'logs', total=1).run(stage)
    files[0].write_text('2')
    StageRunner(tmp_path / 'stages.json', tmp_path / 'logs', total=1).run(stage)
    assert stage.outputs[0].read_text() == 'x'


def test_failure_names_the_log_and_shows_the_end(tmp_path: Path) -> None:
    command = [sys.executable, '-c', "print('the reason'); raise SystemExit(3)"]
    with pytest.raises(StageFailed, match=r'status 3.*log(.|\n)*the reason'):
        Commands().run('a', command, tmp_path / 'log' / 'a.log')
    assert 'the reason' in (tmp_path / 'log' / 'a.log').read_text()


def test_failed_stage_is_not_finished(tmp_path: Path, files) -> None:
    stage = Stage('bad', 'bad', [[sys.executable, '-c', 'raise SystemExit(1)']], [files[0]], [])
    runner = StageRunner(tmp_path / 'stages.json', tmp_path / 'logs', total=1)
    with pytest.raises(StageFailed):
        runner.run(stage)
    assert json.loads((tmp_path / 'stages.json').read_text())['bad']['finished'] is False


def test_silent_success_without_output_is_a_failure(tmp_path: Path, files) -> None:
    stage = Stage('none', 'none', [[sys.executable, '-c', '']], [files[0]], [tmp_path / 'missing.txt'])
    with pytest.raises(StageFailed, match=r'missing\.txt'):
        StageRunner(tmp_path / 'stages.json', tmp_path / 'logs', total=1).run(stage)


@pytest.mark.parametrize(
    ('text', 'bar'),
    [
        ('11/21 02:55:26 - mmengine - INFO - Iter(train) [ 50/100]  loss: 1.2', '[############............]'),
        ('probe: test scans:  25%|##4       | 18/72 [00:10<00:30]', '[######..................]'),
        ('no count here', ''),
    ],
)
def test_progress_line_draws_what_is_counted(text: str, bar: str) -> None:
    line = progress_line(text, 12)
    assert line.startswith(f'      12 s {bar}')
    assert 'mmengine' not in line


def test_whole_commands_of_an_interrupted_stage_are_not_repeated(tmp_path: Path, files) -> None:
    marker = tmp_path / 'may_pass'
    counting = counting_stage(tmp_path, 'first', files[0])
    failing = [sys.executable, '-c', f'import os; raise SystemExit(not os.path.exists({str(marker)!r}))']
    stage = Stage('first', 'first', [*counting.commands, failing], counting.inputs, counting.outputs)
    with pytest.raises(StageFailed):
        StageRunner(tmp_path / 'stages.json', tmp_path / 'logs', total=1).run(stage)
    marker.touch()
    StageRunner(tmp_path / 'stages.json', tmp_path / 'logs', total=1).run(stage)
    assert stage.outputs[0].read_text() == 'x'


def waiting_stage(folder: Path, name: str, other: str, source: Path) -> Stage:
    """Writes the threads it was given, and ends only when the `other` stage has written too."""
    code = (
        'import os, pathlib, sys, time; mine, other = map(pathlib.Path, sys.argv[1:]); '
        "mine.write_text(os.environ.get('OMP_NUM_THREADS', ''))\n"
        'while not other.exists(): time.sleep(0.01)'
    )
    out = folder / name
    return Stage(name, name, [[sys.executable, '-c', code, str(out), str(folder / other)]], [source], [out])


def test_stages_side_by_side_run_at_the_same_time_and_share_the_threads(tmp_path: Path, files) -> None:
    stages = [waiting_stage(tmp_path, name, other, files[0]) for name, other in (('one', 'two'), ('two', 'one'))]
    runner = StageRunner(tmp_path / 'stages.json', tmp_path / 'logs', total=2)
    seconds = runner.run(*stages)
    share = str(max(1, len(os.sched_getaffinity(0)) // 2))
    assert [stage.outputs[0].read_text() for stage in stages] == [share, share]
    assert set(seconds) == {'one', 'two'}


def test_a_failure_ends_the_stage_beside_it(tmp_path: Path, files) -> None:
    endless = Stage('endless', 'endless', [[sys.executable, '-c', 'import time; time.sleep(600)']], [files[0]], [])
    failing = Stage('failing', 'failing', [[sys.executable, '-c', 'raise SystemExit(1)']], [files[0]], [])
    start = time.perf_counter()
    with pytest.raises(StageFailed, match='failing ended with status 1'):
        StageRunner(tmp_path / 'stages.json', tmp_path / 'logs', total=2).run(endless, failing)
    assert time.perf_counter() - start < 60
    records = json.loads((tmp_path / 'stages.json').read_text())
    assert not records['endless']['finished'] and not records['failing']['finished']


def test_only_what_is_built_on_a_changed_stage_is_repeated(tmp_path: Path, files) -> None:
    for text, wanted in (('1', ('x', 'x', 'x')), ('2', ('x', 'xx', 'x'))):
        files[1].write_text(text)
        runner = StageRunner(tmp_path / 'stages.json', tmp_path / 'logs', total=3)
        first = counting_stage(tmp_path, 'first', files[0])
        second = counting_stage(tmp_path, 'second', files[1], after=['first'])
        beside = counting_stage(tmp_path, 'beside', files[0], after=['first'])
        runner.run(first)
        runner.run(second, beside)
        assert tuple(stage.outputs[0].read_text() for stage in (first, second, beside)) == wanted
