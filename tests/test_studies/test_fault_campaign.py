"""The fault campaign counts a planted fault as what it is, and its short form finds none in our tools."""

import hashlib
import subprocess
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path

import numpy as np
import pytest

from dos_mm3d.files import read_json, write_pickle
from dos_mm3d.studies.faults import victims
from dos_mm3d.studies.faults.case import FINDING, undisturbed
from dos_mm3d.studies.faults.disturb import disturbed
from dos_mm3d.studies.faults.flips import Target, changed_number, flipped
from dos_mm3d.studies.faults.jobs import Job, place
from dos_mm3d.studies.faults.outcomes import Ended, how_it_ended, worst
from dos_mm3d.studies.faults.plan import CASES, FLIPS, campaign
from dos_mm3d.studies.faults.report import counts_of, faults_of, table
from dos_mm3d.studies.faults.world import FORMATS
from dos_mm3d.studies.runner.children import Child

ROOT = Path(__file__).resolve().parents[2]
HEAD = """
import os, sys, time
source, out = sys.argv[1:3]
def fail(text):
    print(f'error: {text}', file=sys.stderr)
    raise SystemExit(1)
def read():
    return open(source).read()
def write(text, name='result.txt'):
    with open(f'{out}/.tmp', 'w') as file:
        file.write(text)
    os.replace(f'{out}/.tmp', f'{out}/{name}')
def middle(until=lambda: False):
    marks = f'{os.path.dirname(out)}/marks'
    if '/case/' in out and not os.path.exists(marks):
        os.mkdir(marks)
        open(f'{marks}/at_work', 'w').close()
        end = time.time() + 60
        while time.time() < end and not until():
            time.sleep(0.01)
def robbed():
    middle(lambda: not os.path.exists(source))
"""
"""A tool says when it is in the middle of its work, and waits there for what happens to it; the next call goes on."""
TOOLS = {
    'right': "middle(); write(read())",
    # takes what a killed run left for its own
    'silent': (
        "half = f'{out}/half.txt'\n"
        "left = os.path.exists(half)\nopen(half, 'w').close(); middle()\n"
        "write(read() + 'again' * left)\nos.path.exists(half) and os.remove(half)"
    ),
    # moves the user's file away while it works
    'lost': (
        "if not os.path.exists(source): fail(f'{source}: no such file')\n"
        "text = read(); os.remove(source); middle(); open(source, 'w').write(text); write(text)"
    ),
    'traceback': "mine = f'{out}/mine'; os.mkdir(mine); middle(); write(read()); os.rmdir(mine)",
    'named': (
        "mine = f'{out}/mine'\nos.path.exists(mine) and fail(f'{mine}: left by a killed run')\n"
        "os.mkdir(mine); middle(); write(read()); os.rmdir(mine)"
    ),
    'hung': (
        "lock = f'{out}/lock'\nwhile os.path.exists(lock): time.sleep(0.01)\n"
        "open(lock, 'w').close(); middle(); write(read()); os.remove(lock)"
    ),
}  # fmt: skip


LARGE = "with open(f'{out}/result.txt', 'w') as file: file.write(read() * 20000)"
MENDED = {
    ('full disk', 'silent'): f"try:\n    {LARGE}\nexcept OSError: pass",
    ('full disk', 'named'): f"try:\n    {LARGE}\nexcept OSError as error: fail(f'{{out}}/result.txt: {{error}}')",
    ('full disk', 'lost'): (
        "os.path.exists(f'{out}/result.txt') and fail(f'{out}/result.txt: is there already')\n"
        f"try:\n    {LARGE}\nexcept OSError as error: fail(f'{{out}}/result.txt: {{error}}')"
    ),
    ('vanished file', 'right'): 'text = read(); robbed(); write(text)',
    ('vanished file', 'traceback'): 'robbed(); write(read())',
    ('vanished file', 'silent'): "robbed(); write(read() if os.path.exists(source) else '')",
}  # fmt: skip
"""(disturbance, outcome) -> tool."""


def make_job(tmp_path: Path, tool: str, body: str) -> Job:
    """A job whose tool is a script; it reads `source` in its own folder."""
    script = tmp_path / f'{tool}.py'
    script.write_text(HEAD + body)

    def prepare(world: Path, folder: Path) -> None:
        if not (folder / 'source').exists() or (folder / 'source').read_text() != 'numbers 1 2 3':
            (folder / 'source').write_text('numbers 1 2 3')

    return Job(
        name=tool,
        first=lambda world, folder: [str(script), str(folder / 'source'), str(folder / 'out')],
        results=['result.txt', 'mine'],
        prepare=prepare,
        kept=lambda world, folder: {folder / 'source': world / 'source'},
        points='source',
    )


@pytest.fixture
def world(tmp_path: Path) -> Path:
    folder = tmp_path / 'world'
    folder.mkdir()
    (folder / 'source').write_text('numbers 1 2 3')
    return folder


def in_fork(work: Callable[[], None], log: Path) -> None:
    """As a cell does it: what a case leaves running is its own process's, not ours."""
    log.parent.mkdir(parents=True, exist_ok=True)
    with open(log, 'ab') as file:
        assert Child(work, file, None).wait(60) == 0, log.read_text()


def disturb(kind: str, job: Job, world: Path, tmp_path: Path) -> dict:
    """The finding of one case."""
    folder, reference = tmp_path / 'case', tmp_path / 'undisturbed'
    in_fork(partial(undisturbed, job, world, reference), reference / 'log')
    in_fork(partial(disturbed, kind, job, world, reference, folder, 'seed'), folder / 'log')
    return read_json(folder / FINDING)


@pytest.fixture
def disturbed_in_the_middle(monkeypatch):
    """The moment is in the middle of a tool's work, on a machine of any speed."""
    monkeypatch.setattr(
        'dos_mm3d.studies.faults.disturb._moment',
        lambda job, place, *_, **__: victims.Moment(None, 1, place.folder / 'marks'),
    )


@pytest.mark.usefixtures('disturbed_in_the_middle')
@pytest.mark.parametrize('tool', sorted(TOOLS))
def test_a_planted_fault_is_counted_as_what_it_is(tool, world, tmp_path, monkeypatch):
    """Each tool goes wrong in its own way when it was killed half-way."""
    if tool == 'hung':
        monkeypatch.setattr(victims, 'LIMIT_S', 3.0)
    finding = disturb('kill', make_job(tmp_path, tool, TOOLS[tool]), world, tmp_path)
    assert finding['outcome'] == tool, finding


@pytest.mark.usefixtures('disturbed_in_the_middle')
@pytest.mark.parametrize(('kind', 'outcome'), sorted(MENDED))
def test_what_a_tool_makes_of_a_disk_or_a_file_is_counted(kind, outcome, world, tmp_path):
    finding = disturb(kind, make_job(tmp_path, outcome, MENDED[kind, outcome]), world, tmp_path)
    assert finding['outcome'] == outcome, finding


def test_where_nobody_may_mount_a_full_disk_is_a_limit_and_the_rest_is_skipped(world, tmp_path, monkeypatch):
    monkeypatch.setattr('dos_mm3d.studies.faults.disturb.enter_own_mounts', lambda: False)
    job = make_job(tmp_path, 'tool', MENDED['full disk', 'named'])
    assert disturb('full disk', job, world, tmp_path)['outcome'] == 'named'
    assert disturb('read-only output', job, world, tmp_path)['outcome'] == 'skipped'


FLIPPED = {
    'unread': ('silent', 'write(read())'),
    'checked': (
        'named',
        "import hashlib\nif hashlib.sha256(open(source, 'rb').read()).hexdigest() != sys.argv[3]: "
        "fail(f'{source}: is damaged')\nwrite('fine')",
    ),
    'careless': ('traceback', "open(source, encoding='ascii').read().index('numbers 1 2 3'); write('fine')"),
    'vague': ('vague', "open(source, 'rb').read() == b'numbers 1 2 3' or fail('a file is damaged'); write('fine')"),
    'indifferent': ('right', "write('fine')"),
}  # fmt: skip
"""Tool -> what its reading of a damaged file is counted as."""


@pytest.mark.parametrize('tool', sorted(FLIPPED))
def test_a_flipped_bit_is_counted_as_what_the_tool_makes_of_it(tool, world, tmp_path):
    outcome, body = FLIPPED[tool]
    script = tmp_path / f'{tool}.py'
    script.write_text(HEAD.replace('open(source)', "open(source, encoding='latin1')") + body)
    digest = hashlib.sha256((world / 'source').read_bytes()).hexdigest()
    job = Job(
        name=tool,
        first=lambda world, folder: [str(script), str(place(world, folder, 'source')), str(folder / 'out'), digest],
        results=['result.txt'],
    )
    in_fork(partial(undisturbed, job, world, tmp_path / 'undisturbed'), tmp_path / 'log')
    target = Target('checkpoint', tool, 'source')
    in_fork(partial(flipped, target, job, world, tmp_path / 'undisturbed', tmp_path, 'seed', 3), tmp_path / 'log')
    assert [finding['outcome'] for finding in read_json(tmp_path / FINDING)] == [outcome] * 3
    assert (world / 'source').read_text() == 'numbers 1 2 3', 'the world is as it was'


@pytest.mark.parametrize('suffix', sorted(FORMATS))
def test_one_number_that_nobody_can_know_is_told_from_damage_that_shows(suffix, tmp_path):
    """Of the bits of a file of raw numbers those of the header are no raw numbers."""
    points = np.random.default_rng(0).uniform(-20, 20, (500, 4)).astype(np.float32)
    points[:, 3] = points[:, 3].clip(0, 1)
    whole, other, moved = (tmp_path / f'{name}.{suffix}' for name in ('whole', 'other', 'moved'))
    FORMATS[suffix](whole, points)
    before, points[7, 1] = float(points[7, 1]), 0.125
    FORMATS[suffix](other, points)
    FORMATS[suffix](moved, points[:, [1, 0, 2, 3]])
    assert changed_number(other, whole) == (before, 0.125)
    assert changed_number(whole, whole) is None and changed_number(moved, whole) is None


@pytest.mark.parametrize(
    ('ended', 'file', 'outcome'),
    [
        (Ended(0, 'done'), '', None),
        (Ended(1, 'error: a.bin: cut off'), 'a.bin', 'named'),
        (Ended(1, 'error: something is wrong'), 'a.bin', 'vague'),
        (Ended(1, 'error: something is wrong'), '', 'named'),
        (Ended(1, 'no word of it'), '', 'vague'),
        (Ended(1, 'Traceback (most recent call last):\nerror: a.bin'), 'a.bin', 'traceback'),
        (Ended(0, 'Traceback (most recent call last):\n...'), '', 'traceback'),
        (Ended(-11, ''), '', 'traceback'),
        (Ended(None, ''), '', 'hung'),
    ],
)
def test_an_end_is_judged_by_what_a_user_sees(ended, file, outcome):
    assert how_it_ended(ended, *filter(None, [file])) == outcome


def test_what_the_log_says_of_a_file_is_found():
    log = '11/29 06:14:12 - mmengine - WARNING - Sweeps: 1 point of a/b.bin left out\nINFO - a/b.bin\n'
    assert Ended(0, log).warning_of('a/b.bin') == 'Sweeps: 1 point of a/b.bin left out'
    assert Ended(0, log).warning_of('a/c.bin') == ''


def test_the_worst_counts():
    assert worst(['right', 'named']) == 'named'
    assert worst(['silent', 'named', 'right']) == 'silent'


def test_the_long_form_has_forty_kills_and_two_hundred_flips(tmp_path):
    assert sum(CASES['kill'].values()) == 40
    assert sum(FLIPS.values()) == 200
    cells = campaign(tmp_path, seed=0, commit='abc', short=False)
    assert len({cell.folder(tmp_path) for cell in cells}) == len(cells)
    other = campaign(tmp_path, seed=1, commit='abc', short=False)
    kill = [[cell.key for cell in one if cell.name.startswith('kill')] for one in (cells, other)]
    assert not set(kill[0]) & set(kill[1]), 'another seed is another campaign'


def test_faults_are_named_below_the_table():
    case = {'kind': 'kill', 'job': 'export', 'how': 'at 3 %', 'message': 'what it said'}
    cases = [{**case, 'outcome': outcome} for outcome in ('right', 'named', 'silent')]
    cells = [{'name': 'world', 'status': 'finished'}, {'name': 'flip', 'status': 'failed'}]
    record = {'counts': counts_of(cases), 'cases': cases, 'cells': cells}
    assert '| kill | 3 | 1 | 1 | 0 | 0 | 0 | 1 | 0 | 0 | 0 |' in table(record)
    assert faults_of(record) == ['silent: kill, export, at 3 %: what it said', 'flip: failed']


def test_the_short_form_finds_nothing_lost_and_nothing_silent(tmp_path):
    """Our own tools: killed, without room, without a file of theirs, on files with a flipped bit."""
    command = [sys.executable, 'tools/fault_campaign.py', '--short', '--workers', '2', '--out', str(tmp_path)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=600)
    assert done.returncode == 0, done.stdout[-6000:] + done.stderr[-3000:]
    record = read_json(tmp_path / 'fault_campaign.json')
    assert record['complete'] and len(record['cases']) >= 12
    assert {case['kind'] for case in record['cases']} >= set(CASES)


def test_infos_of_two_folders_are_equal_but_for_the_folder(tmp_path, monkeypatch):
    """nuScenes' infos name every sweep by its path at conversion, from where one was if it lies below."""
    monkeypatch.chdir(tmp_path)
    job = Job('one', first=lambda world, folder: [], results=['*.pkl'])
    found = []
    for name, root, x in (('a', tmp_path / 'a', 1.0), ('b', Path('b'), 1.0), ('c', tmp_path / 'c', 1.5)):
        write_pickle(tmp_path / name / 'out/infos.pkl', [{'path': f'{root}/x.bin', 'pose': np.full(2, x)}])
        found.append(job.found(tmp_path / 'world', tmp_path / name))
    assert found[0] == found[1] != found[2]
