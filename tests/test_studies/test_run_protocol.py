"""tools/run_protocol.py: goes on after an end, tells what failed, says what is wrong in one sentence."""

import json
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from dos_mm3d.studies.protocols.base import Column, Protocol, ProtocolArguments, Results, entry, row
from dos_mm3d.studies.protocols.datasets import DATASETS
from dos_mm3d.studies.protocols.runner import run_protocol
from dos_mm3d.studies.runner import Cell, locked
from tests.helpers.recorded_calls import RecordedCalls, interrupted_when

ROOT = Path(__file__).resolve().parents[2]
SCRIPT = """
import json, pathlib, sys, time
name, step, out, calls, behaviour, value = sys.argv[1:7]
with open(calls, 'a') as file:
    file.write(f'{name} {step}\\n')
do = json.loads(pathlib.Path(behaviour).read_text()).get(f'{name} {step}')
if do == 'sleep':
    time.sleep(600)
if do == 'fail':
    sys.exit('error: no room left')
pathlib.Path(out).write_text(json.dumps({'value': float(value)}))
"""


class Fake(Protocol):
    """Two cells of scratch and two pretrained ones, each of two commands."""

    name, title, plot = 'fake', 'Fake', 'dots'
    values = {'scratch_0': 10, 'scratch_1': 12, 'dos_0': 20, 'dos_1': 26}

    def __init__(self, args: ProtocolArguments, calls: RecordedCalls) -> None:
        super().__init__(args)
        self.calls = calls

    def check(self) -> None:
        if self.args.options.get('wrong'):
            raise ValueError('wrong')

    def cells(self) -> list[Cell]:
        return [self.cell(name, value) for name, value in self.values.items()]

    def cell(self, name: str, value: int) -> Cell:
        def commands(folder: Path) -> list[list[str]]:
            files = [str(self.calls.calls_file), str(self.calls.behaviour_file), str(value)]
            return [
                [sys.executable, '-S', '-c', SCRIPT, name, step, str(folder / f'{step}.json'), *files]
                for step in ('train', 'test')
            ]

        depends_on = {'split': self.args.split, 'value': value, **self.args.options}
        return Cell(name, depends_on, commands, lambda folder: json.loads((folder / 'test.json').read_text()))

    def columns(self, results: Results) -> list[Column]:
        return [Column('m', 'mIoU')]

    def rows(self, results: Results) -> list[dict[str, Any]]:
        rows = []
        for name, kind in (('scratch', 'scratch'), ('dos', 'pretrained')):
            values = {key: found['value'] for key, found in results.items() if key.startswith(name)}
            rows.append(row(name, name, kind, {'m': entry(values, sd_over='seeds')} if values else {}))
        return rows


class Fakes(RecordedCalls):
    """The scripts of the cells. behave: name='train sleep' | 'test fail' ...; everything else goes well."""

    def behave(self, **cells: str) -> None:
        super().behave(**{f'{name} {what.split()[0]}': what.split()[1] for name, what in cells.items()})

    def run(self, args: ProtocolArguments) -> dict[str, Any]:
        return run_protocol(Fake(args, self))


@pytest.fixture
def fake(tmp_path: Path) -> Fakes:
    return Fakes(tmp_path)


@pytest.fixture
def args(tmp_path: Path) -> ProtocolArguments:
    """A data set of which nothing reads more than the infos' bytes."""
    (tmp_path / 'data').mkdir()
    for name in DATASETS['synthetic'].infos:
        (tmp_path / 'data' / name).write_bytes(b'infos')
    dataset = DATASETS['synthetic'].at(tmp_path / 'data')
    return ProtocolArguments((dataset,), (), out=tmp_path / 'out', seeds=2, split='validation', command='python')


ALL = [f'{name} {step}' for name in Fake.values for step in ('train', 'test')]


def test_finished_cells_are_not_run_again(fake: Fakes, args: ProtocolArguments) -> None:
    record = fake.run(args)
    assert fake.take_calls() == ALL
    assert record['complete']
    scratch, dos = record['rows']
    assert (scratch['entries']['m']['mean'], dos['entries']['m']['mean']) == (11.0, 23.0)
    assert dos['entries']['m']['sd'] == pytest.approx(18**0.5)
    again = fake.run(args)
    assert fake.take_calls() == []
    assert again['rows'] == record['rows']
    for suffix in ('json', 'md', 'png'):
        assert (args.out / f'fake_synthetic.{suffix}').is_file()
    wanted = {'commit', 'machine', 'versions', 'command', 'seeds', 'units', 'datasets', 'cells'}
    assert wanted <= set(json.loads((args.out / 'fake_synthetic.json').read_text()))


def test_an_end_keeps_what_is_finished_and_repeats_only_what_was_running(fake: Fakes, args: ProtocolArguments) -> None:
    fake.behave(dos_0='test sleep')
    with interrupted_when(lambda: 'dos_0 test' in fake.calls_file.read_text()):
        fake.run(args)
    table = (args.out / 'fake_synthetic.md').read_text()
    assert '(incomplete)' in table
    assert '| dos | not run |' in table
    assert fake.take_calls() == ALL[:6]
    fake.behave()
    record = fake.run(args)
    assert fake.take_calls() == ['dos_0 test', *ALL[6:]], 'what is trained is not trained again'
    assert record['complete']


def test_other_settings_are_other_cells_and_the_old_ones_are_found_again(fake: Fakes, args: ProtocolArguments) -> None:
    fake.run(args)
    fake.take_calls()
    fake.run(replace(args, options={'scans': 3}))
    assert fake.take_calls() == ALL
    fake.run(args)
    assert fake.take_calls() == []


def test_a_failed_cell_is_told_and_retried_on_request(
    fake: Fakes, args: ProtocolArguments, capsys: pytest.CaptureFixture
) -> None:
    fake.behave(dos_1='test fail')
    record = fake.run(args)
    assert record['rows'][1]['entries']['m']['values'] == {'dos_0': 20.0}
    assert 'no room left' in (args.out / 'fake_synthetic.md').read_text()
    out = capsys.readouterr().out
    assert '[fake: 4 cells, 0 done before, 4 to do on 1 worker(s)]' in out
    assert 'dos_1: failed: ended with status 1' in out
    fake.take_calls()
    fake.behave()
    fake.run(args)
    assert fake.take_calls() == [], 'not retried silently'
    record = fake.run(replace(args, retry_failed=True))
    assert fake.take_calls() == ['dos_1 train', 'dos_1 test'], 'from its first command'
    assert record['rows'][1]['entries']['m']['mean'] == 23.0


def test_only_one_at_a_time(fake: Fakes, args: ProtocolArguments) -> None:
    with (
        locked(args.out),
        pytest.raises(BlockingIOError, match=r'out is in use by another fake.*take another folder'),
    ):
        fake.run(args)
    assert fake.take_calls() == []


def test_what_is_wrong_is_said_before_anything_runs(fake: Fakes, args: ProtocolArguments) -> None:
    with pytest.raises(ValueError, match='wrong'):
        fake.run(replace(args, options={'wrong': True}))
    assert fake.take_calls() == []


def test_the_test_split_is_reported_once(fake: Fakes, args: ProtocolArguments) -> None:
    once = replace(args, split='test')
    fake.run(once)
    other = replace(once, command='another')
    with pytest.raises(FileExistsError, match=r'fake_synthetic_test\.json.*--again'):
        fake.run(other)
    with pytest.raises(FileExistsError):
        fake.run(replace(other, retry_failed=True))
    fake.run(replace(other, again=True))


def test_who_was_killed_before_the_report_is_shown_it_by_the_same_command(fake: Fakes, args: ProtocolArguments) -> None:
    once = replace(args, split='test', command='the same')
    record = fake.run(once)
    fake.take_calls()
    beside = [args.out / f'fake_synthetic_test{suffix}' for suffix in ('.md', '.png', '.html')]
    written = {path: path.read_bytes() for path in beside}
    for path in beside:
        path.unlink()
    assert fake.run(once) == json.loads(json.dumps(record))
    assert fake.take_calls() == [] and {path: path.read_bytes() for path in beside}.keys() == written.keys()
    assert beside[0].read_bytes() == written[beside[0]]


def test_cells_of_the_test_split_that_gave_no_number_may_be_retried(fake: Fakes, args: ProtocolArguments) -> None:
    once = replace(args, split='test')
    fake.behave(dos_1='test fail')
    fake.run(once)
    fake.behave()
    record = fake.run(replace(once, retry_failed=True))
    assert record['rows'][1]['entries']['m']['mean'] == 23.0
