"""The check of a GPU machine: lines, status and record, whatever a check does."""

import os
import time
from pathlib import Path

import pytest
import torch

from dos_mm3d.cli import gpu_check
from dos_mm3d.files import read_json
from dos_mm3d.studies.gpu_check.check import FAIL, PASS, SKIP, Check, CheckFailed, Found, NotHere, Place
from dos_mm3d.studies.gpu_check.plan import all_checks
from dos_mm3d.studies.gpu_check.run import run_checks, table
from tests.helpers.forked import run_forked
from tests.helpers.in_process import tool_in_process

pytestmark = pytest.mark.usefixtures('same_threads_afterwards')
ROOT = Path(__file__).resolve().parents[2]


def right(place: Place) -> Found:
    print('in the log')
    return Found('3 ms', {'ms': 3, 'not a number': float('nan')})


def wrong(place: Place) -> Found:
    raise CheckFailed('off by 7', {'errors': [7]})


def broken(place: Place) -> Found:
    raise ValueError('two\nlines')


def dies(place: Place) -> Found:
    os.kill(os.getpid(), 9)


def too_small(place: Place) -> Found:
    raise NotHere('8 GiB are wanted')


def hangs(place: Place) -> Found:
    time.sleep(600)


@pytest.fixture
def place(tmp_path) -> Place:
    return Place(torch.device('cpu'), tmp_path)


def test_a_check_that_fails_dies_or_hangs_does_not_disturb_the_others(place):
    checks = [Check(work.__name__, work) for work in (wrong, broken, dies)]
    checks += [Check('hangs', hangs, limit_s=0.3), Check('wide', hangs, needs_gpu='minutes on a CPU')]
    checks += [Check('too small', too_small)]
    told = []
    lines = run_checks([*checks, Check('stage/right', right)], place, seconds=60, tell=told.append)
    assert told == lines and [line.name for line in lines] == [*(check.name for check in checks), 'stage/right']
    assert [line.outcome for line in lines] == [FAIL, FAIL, FAIL, FAIL, SKIP, SKIP, PASS]
    said = {line.name: line.said for line in lines}
    assert said['wrong'] == 'off by 7' and lines[0].facts == {'errors': [7]}
    assert said['broken'] == 'ValueError: two lines'
    assert 'signal 9' in said['dies'] and 'took longer' in said['hangs'] and said['wide'] == 'no GPU: minutes on a CPU'
    assert said['too small'] == '8 GiB are wanted'
    assert said['stage/right'] == '3 ms' and lines[-1].facts == {'ms': 3, 'not a number': None}
    assert 'in the log' in (place.folder / 'stage_right' / 'log').read_text()
    assert 0 < lines[-1].seconds < 60 and str(lines[-1]).startswith('PASS  stage/right ')
    assert table(lines).endswith('4 failed, 1 passed, 2 skipped')
    assert '| FAIL | wrong | ' in table(lines)


def test_nothing_begins_after_the_time_is_over_and_what_runs_then_is_ended(place):
    checks = [Check('hangs', hangs), Check('right', right)]
    first, second = run_checks(checks, place, seconds=0.3, tell=lambda line: None)
    assert first.outcome == FAIL and 'took longer' in first.said
    assert second.outcome == SKIP and '--minutes' in second.said


def test_an_outcome_of_an_earlier_call_is_not_taken_for_this_one(place):
    for work, outcome in ((right, PASS), (dies, FAIL)):
        (line,) = run_checks([Check('one', work)], place, seconds=60, tell=lambda line: None)
        assert line.outcome == outcome


@pytest.mark.parametrize(('work', 'status'), [(right, 0), (wrong, 1)])
def test_the_tool_prints_lines_and_a_table_and_writes_a_record(work, status, tmp_path, monkeypatch, capsys):
    checks = [Check('environment', right), Check('ops/one', work), Check('speed/one', wrong, needs_gpu='of course')]
    monkeypatch.setattr(gpu_check, 'all_checks', lambda: checks)
    run = tool_in_process('gpu_check', monkeypatch)
    if status:
        with pytest.raises(SystemExit, match='1'):
            run('--out', tmp_path)
    else:
        run('--out', tmp_path)
    printed = capsys.readouterr().out.splitlines()
    outcome = FAIL if status else PASS
    assert [line.split()[:2] for line in printed[:2]] == [['PASS', 'environment'], [outcome, 'ops/one']]
    assert any(line.startswith(f'| {outcome} | ops/one | ') for line in printed)
    record = read_json(tmp_path / 'gpu_check.json')
    assert {line['name']: line['outcome'] for line in record['checks']} == {
        'environment': PASS, 'ops/one': outcome, 'speed/one': PASS if torch.cuda.is_available() else SKIP
    }  # fmt: skip
    assert 'torch' in record['versions'] and record['command'].startswith('python tools/gpu_check.py')


def test_checks_are_chosen_by_stage_or_by_name_and_bring_their_data():
    names = [check.name for check in all_checks()]
    assert len(set(names)) == len(names) and names[0] == 'environment'
    assert [check.name for check in gpu_check.chosen(None)] == names
    chosen = [check.name for check in gpu_check.chosen(['ops', 'training/minkunet'])]
    assert chosen == [name for name in names if name.startswith('ops/') or name in ('data', 'training/minkunet')]


def test_an_unknown_check_is_refused_by_name(tmp_path, monkeypatch, capsys):
    with pytest.raises(SystemExit):
        tool_in_process('gpu_check', monkeypatch)('--out', tmp_path, '--only', 'opps')
    assert 'error: --only opps: no such check; wanted some of' in capsys.readouterr().err


@pytest.mark.slow
@pytest.mark.skipif(torch.cuda.is_available(), reason='for a machine without a GPU')
def test_the_whole_check_on_a_cpu(tmp_path):
    done = run_forked('gpu_check', '--out', tmp_path, cwd=ROOT)
    assert done.returncode == 0, done.stdout + done.stderr
    outcomes = {line['name']: line['outcome'] for line in read_json(tmp_path / 'gpu_check.json')['checks']}
    assert outcomes == {check.name: SKIP if check.needs_gpu else PASS for check in all_checks()}


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason='needs CUDA')
def test_the_whole_check_on_a_gpu(tmp_path):
    done = run_forked('gpu_check', '--out', tmp_path, cwd=ROOT)
    assert done.returncode == 0, done.stdout + done.stderr
    assert {line['outcome'] for line in read_json(tmp_path / 'gpu_check.json')['checks']} == {PASS}
