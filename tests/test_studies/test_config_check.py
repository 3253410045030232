"""Configs are checked apart from one another, and whatever is wrong with one is its outcome."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from dos_mm3d.files import read_json, write_json
from dos_mm3d.studies.config_check import check as config_check
from dos_mm3d.studies.config_check.check import check_all, check_config, failures, table


@pytest.fixture
def fake_check(monkeypatch) -> None:
    """A check that does what the file's name says, in the forked child."""

    def check(path: Path, worlds: dict, work_dir: Path, threads: int) -> None:
        print('something', path.stem)
        if path.stem == 'killed':
            os.kill(os.getpid(), 9)
        if path.stem == 'hangs':
            import time

            time.sleep(600)
        write_json(work_dir / 'seen.json', dict(seconds=dict(build=1.0), data=['nuscenes'], parameters=10**6))
        if path.stem != 'fine':
            raise SystemExit('error: X: no')

    monkeypatch.setattr(config_check, 'check_config', check)


@pytest.mark.usefixtures('fake_check')
def test_one_that_fails_or_dies_or_hangs_does_not_disturb_the_others(tmp_path, monkeypatch):
    configs = {f'a/{name}.py': Path(f'{name}.py') for name in ('killed', 'fine', 'wrong')}
    found = check_all(configs, {}, tmp_path, jobs=2)
    monkeypatch.setattr(config_check, 'LIMIT_S', 0.5)  # of this one alone: a slow machine needs time for the others
    found |= check_all({'a/hangs.py': Path('hangs.py')}, {}, tmp_path, jobs=1)
    assert list(found) == [*configs, 'a/hangs.py']
    assert failures(found) == ['a/killed.py', 'a/wrong.py', 'a/hangs.py']
    assert 'signal 9' in found['a/killed.py']['error'] and 'memory' in found['a/killed.py']['error']
    assert 'took longer' in found['a/hangs.py']['error']
    assert 'something fine' in (tmp_path / 'a__fine/log').read_text()
    assert found['a/wrong.py']['parameters'] == 10**6, 'what was seen before the error'
    wrong = (tmp_path / 'a__wrong/log').read_text()
    assert 'error: X: no' in wrong and 'Traceback' not in wrong, 'a sentence is enough where it says what is wrong'
    text = table(found)
    assert '1 of 4 configs pass' in text and 'FAILS a/wrong.py: ended with status 1' in text and 'X: no' in text
    assert [line.split()[:2] for line in text.splitlines()][2] == ['a/fine.py', 'passes']


@pytest.mark.usefixtures('fake_check')
def test_an_outcome_of_an_earlier_run_is_not_taken_for_this_one(tmp_path):
    check_all({'a/killed.py': Path('fine.py')}, {}, tmp_path, jobs=1)
    found = check_all({'a/killed.py': Path('killed.py')}, {}, tmp_path, jobs=1)
    assert failures(found) == ['a/killed.py']


@pytest.mark.usefixtures('fake_check')
@pytest.mark.parametrize(('commit', 'again'), [('abc', 'fine'), ('abd', 'killed'), ('abc + changes', 'killed')])
def test_what_passed_with_the_very_same_code_is_not_run_again(tmp_path, commit, again):
    """The second time every check dies: only what is taken from the first passes."""
    first = {'a/one.py': Path('fine.py'), 'a/two.py': Path('wrong.py')}
    before = check_all(first, {}, tmp_path, jobs=1, commit='abc')
    second = {name: Path('killed.py') for name in first}
    found = check_all(second, {}, tmp_path, jobs=1, commit=commit, resume=True)
    assert failures(found) == (['a/two.py'] if again == 'fine' else list(first))
    assert (found['a/one.py'] == before['a/one.py']) == (again == 'fine')
    assert failures(check_all(second, {}, tmp_path, jobs=1, commit='abc')) == list(first), 'only where it is asked for'


@pytest.mark.parametrize(
    ('text', 'said'),
    [
        ('model = dict(type="DOS"', 'SyntaxError'),
        ('x = 1', 'neither a model nor rows'),
        ('rows = [dict(config="configs/none.py")]', 'configs/none.py'),
        ('model = dict(type="DOS")', 'names data of []'),
    ],
)
def test_what_is_wrong_with_a_config_is_its_outcome(text, said, tmp_path, capsys):
    path = tmp_path / 'configs/dos/wrong.py'
    path.parent.mkdir(parents=True)
    path.write_text(text)
    with pytest.raises(SystemExit, match='error: ') as failure:
        check_config(path, {}, tmp_path, threads=1)
    assert said in str(failure.value)
    assert ('Traceback' in capsys.readouterr().err) == (said == 'SyntaxError'), 'only for what is not our sentence'
    assert 'cpu' in read_json(tmp_path / 'seen.json')['seconds']


@pytest.mark.slow
def test_the_tool_ends_where_it_has_several_threads(tmp_path):
    """A child forked from a process with OpenMP threads waits for them for ever: it hung while it built the model."""
    root = Path(__file__).resolve().parents[2]
    command = [sys.executable, 'tools/check_configs.py', 'configs/dos/dos_second_folder.py']
    env = {**os.environ, 'OMP_NUM_THREADS': '2'}
    done = subprocess.run(
        [*command, '--jobs', '1', '--work-dir', str(tmp_path)],
        cwd=root, env=env, capture_output=True, text=True, timeout=300,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    assert '1 of 1 configs pass' in done.stdout
