"""A ladder runs, goes on after an end or a move, tells what collapsed. Pretraining and probe are small scripts here."""

import json
import shutil

import pytest

from dos_mm3d.studies.protocols.datasets import DataSet
from tests.helpers.ladder_fakes import FakeLadder
from tests.helpers.recorded_calls import interrupted_when

BASELINES = ['probe fixed', 'probe random_0', 'probe random_1']


def probes(split: str, rows: str = 'ab') -> list[str]:
    """Every probe reads the checkpoint of its own row and seed."""
    cells = [f'{row}_seed{seed}' for row in rows for seed in (0, 1)]
    return [*BASELINES, *(f'probe {cell}_{split} of {cell}' for cell in cells)]


def row(record: dict, name: str) -> dict:
    return next(row for row in record['rows'] if row['name'] == name)


def test_finished_cells_are_not_run_again(ladder: FakeLadder) -> None:
    record = ladder.run()
    trained = [f'train {row}_seed{seed} new' for row in 'ab' for seed in (0, 1)]
    assert sorted(ladder.take_calls()) == sorted([*trained, *probes('test')])
    assert record['complete']
    assert (record['settings']['steps'], row(record, 'b')['entries']['miou']['mean']) == (3, 20.0)
    assert row(record, 'c')['entries'] == {}
    assert ladder.run()['rows'] == record['rows']
    assert ladder.take_calls() == []
    record = ladder.run(options=True)
    assert ladder.take_calls() == ['train c_seed0 new', 'probe c_seed0_test of c_seed0']
    difference = row(record, 'c')['entries']['difference']
    assert {key: difference[key] for key in ('mean', 'low', 'n', 'verdict')} == dict(mean=0, low=None, n=1, verdict='-')
    assert row(ladder.run(), 'c')['entries'], 'what another call has run is in the table'
    for name in ('ladder_test.json', 'ladder_test.md', 'ladder_test.png'):
        assert (ladder.out / name).is_file()


def test_a_row_is_one_whole_record(ladder: FakeLadder) -> None:
    found = row(ladder.run(), 'b')
    assert found['entries']['effective_rank']['values'] == {'seed 0': 9.0, 'seed 1': 9.0}
    assert {'dos_student', 'dos_raw', 'dos_raw_handcrafted'} <= set(found['entries'])
    (trained,) = ladder.out.glob('cells/b_seed1_????????')
    cell = json.loads((trained / 'result.json').read_text())
    assert cell['found']['last_scalars']['alpha'] == 1.25, 'what only one method logs is kept too'
    assert cell['found']['seconds'] == 6.0, 'the sum of the logged steps'
    (probed,) = ladder.out.glob('cells/b_seed1_test_*')
    request = json.loads((probed / 'request.json').read_text())
    assert request['checkpoint'] == str(trained / 'run' / 'iter_3.pth')


def test_another_config_is_run_and_the_old_one_found_again(ladder: FakeLadder) -> None:
    ladder.run()
    ladder.take_calls()
    config = ladder.ladder.row('b').config
    before = config.read_text()
    config.write_text(before.replace('scale = 98', 'scale = 99'))
    ladder.run()
    trained = sorted(call for call in ladder.take_calls() if 'train' in call)
    assert trained == ['train b_seed0 new', 'train b_seed1 new']
    ladder.run(overrides={'scale': 7})
    assert len(ladder.take_calls()) == 8, 'an override is another config; the baselines do not depend on it'
    config.write_text(before)
    ladder.run()
    assert ladder.take_calls() == []


def test_another_split_or_probe_needs_no_pretraining(ladder: FakeLadder, monkeypatch: pytest.MonkeyPatch) -> None:
    ladder.run()
    ladder.take_calls()
    monkeypatch.setattr(DataSet, 'part', lambda self, part: (self.infos[0], None))  # too few sequences for a cut
    ladder.run(split='validation')
    assert sorted(ladder.take_calls()) == sorted(probes('validation'))
    ladder.run(draws=2)
    assert sorted(ladder.take_calls()) == sorted(probes('test')), 'another probe of the same checkpoints'


def test_interruption_keeps_what_is_finished_and_ends_what_runs(ladder: FakeLadder) -> None:
    ladder.behave(b_seed0='sleep', b_seed1='sleep')
    with interrupted_when(lambda: ladder.calls_file.read_text().count('train b') == 2):
        ladder.run()
    ladder.take_calls()
    ladder.behave()
    record = ladder.run()
    trained = sorted(call for call in ladder.take_calls() if 'train' in call)
    assert trained == ['train b_seed0 again', 'train b_seed1 again']
    assert record['complete']


def test_a_moved_folder_goes_on_from_its_own_checkpoints(ladder: FakeLadder) -> None:
    """Pretrained in one place, probed in another, while the first one is still there with other weights."""
    ladder.behave(a_seed0_test='fail')
    ladder.run()
    ladder.take_calls()
    ladder.behave()
    old = ladder.out
    ladder.out = old.parent / 'moved'
    shutil.copytree(old, ladder.out)
    for checkpoint in old.glob('cells/*/run/*.pth'):
        checkpoint.write_text('of another run')
    assert ladder.run(retry_failed=True)['complete']
    assert ladder.take_calls() == ['probe a_seed0_test of a_seed0']


def test_collapsed_and_failed_cells_are_recorded_and_retried_on_request(
    ladder: FakeLadder, capsys: pytest.CaptureFixture
) -> None:
    ladder.behave(b_seed0='collapse', b_seed1='fail')
    record = ladder.run()
    assert 'b_seed0: collapsed at step 7' in capsys.readouterr().out
    cells = {cell['name']: cell for cell in record['cells']}
    assert (cells['b_seed0']['status'], cells['b_seed0']['step']) == ('collapsed', 7)
    assert 'constant features' in cells['b_seed0']['message']
    assert (cells['b_seed1']['status'], 'no room left' in cells['b_seed1']['message']) == ('failed', True)
    assert 'its log is ' in cells['b_seed1']['message']
    assert 'seed 0 collapsed at step 7; seed 1 failed' in (ladder.out / 'ladder_test.md').read_text()
    ladder.take_calls()
    ladder.behave()
    assert ladder.run()['rows'] == record['rows']
    assert ladder.take_calls() == [], 'not retried silently'
    record = ladder.run(retry_failed=True)
    calls = [call for call in ladder.take_calls() if 'train' in call]
    assert sorted(calls) == ['train b_seed0 new', 'train b_seed1 again'], 'a collapsed run starts anew'
    assert {cell['status'] for cell in record['cells']} == {'finished'}


def test_failing_baselines_leave_the_rows(ladder: FakeLadder) -> None:
    ladder.behave(fixed='fail')
    record = ladder.run()
    assert '| raw input | not run |' in (ladder.out / 'ladder_test.md').read_text()
    assert [found['baseline'] for found in record['comparisons']] == ['random_raw', 'random_raw_handcrafted']
    ladder.behave()
    assert len(ladder.run(retry_failed=True)['comparisons']) == 4


def test_the_report_shows_a_checkpoint_of_a_row_that_is_run(ladder: FakeLadder) -> None:
    def shown(rows: list[str] | None) -> str:
        return ladder.protocol(rows=rows).shown.checkpoint.parts[-3]

    reference = ladder.ladder.reference.name
    assert shown(None).startswith(f'{reference}_seed0_')
    other = next(row.name for row in ladder.ladder.rows if not row.is_option and row.name != reference)
    assert shown([other]).startswith(f'{other}_seed0_'), 'the reference has no checkpoint in this call'


def test_the_test_split_is_reported_once(ladder: FakeLadder) -> None:
    """Unless cells gave no number."""
    ladder.run(again=False)
    with pytest.raises(FileExistsError, match=r'ladder_test\.json.*--again'):
        ladder.run(again=False)
    ladder.run()


def test_rows_of_different_length_are_refused(ladder: FakeLadder) -> None:
    row = ladder.ladder.row('a')
    row.config.write_text(row.config.read_text().replace('max_iters = 10', 'max_iters = 11'))
    with pytest.raises(ValueError, match=r"different numbers of steps .*'a': 11, 'b': 10"):
        ladder.run(steps=None)
