"""A ladder runs, goes on after an end, tells what collapsed. Pretraining and probing are small scripts here."""

import json
from dataclasses import replace

import pytest

from dos_mm3d.probe.probe import ProbeSettings
from dos_mm3d.studies.ablation.ladder import LadderSettings, run_ladder
from dos_mm3d.studies.protocols.datasets import DataSet
from dos_mm3d.studies.runner import CellFailed
from tests.helpers.ladder_fakes import Fakes
from tests.helpers.recorded_calls import interrupted_when


def test_finished_cells_are_not_run_again(settings: LadderSettings, fakes: Fakes) -> None:
    record = run_ladder(settings)
    cells = [f'{row}_seed{seed}' for row in 'ab' for seed in (0, 1)]
    wanted = [call for cell in cells for call in (f'train {cell} new', f'probe {cell}_test')]
    assert sorted(fakes.take_calls()) == sorted([*wanted, 'probe baselines_test'])
    assert record['complete']
    assert (record['steps'], record['rows'][1]['mean'], record['options'][0]['mean']) == (3, 20.0, None)
    assert run_ladder(settings)['rows'] == record['rows']
    assert fakes.take_calls() == []
    with_option = replace(settings, rows=settings.ladder.select(None, options=True))
    record = run_ladder(with_option)
    assert fakes.take_calls() == ['train c_seed0 new', 'probe c_seed0_test']
    assert record['options'][0]['difference'] == {'mean': 0.0, 'low': None, 'high': None, 'n': 1, 'verdict': '-'}
    for name in ('ladder_test.json', 'ladder_test.md', 'ladder_test.png'):
        assert (settings.out / name).is_file()


def test_a_cell_is_one_whole_record(settings: LadderSettings, fakes: Fakes) -> None:
    run_ladder(settings)
    (cell,) = [cell for cell in run_ladder(settings)['rows'][1]['cells'] if cell['seed'] == 1]
    wanted = {'status': 'finished', 'loss_last': 1.5, 'monitors': {'effective_rank': 9.0}}
    assert {key: cell[key] for key in wanted} == wanted
    assert cell['seconds']['pretrain'] == 6.0, 'the sum of the logged steps'
    assert {'config_hash', 'commit', 'probe_commit'} <= set(cell)
    (trained,) = settings.out.glob('cells/b_seed1_????????')
    found = json.loads((trained / 'result.json').read_text())
    assert found['found']['last_scalars']['alpha'] == 1.25, 'what only one method logs is kept too'
    assert [file.name for file in (trained / 'run').glob('*.pth')] == ['iter_3.pth'], 'one checkpoint a cell'
    (probed,) = settings.out.glob('cells/b_seed1_test_*')
    request = json.loads((probed / 'request.json').read_text())
    assert request['checkpoint'] == str(trained / 'run' / 'iter_3.pth')
    assert request['config'] == str(trained / 'config.py')


def test_another_config_is_run_and_the_old_one_found_again(settings: LadderSettings, fakes: Fakes) -> None:
    run_ladder(settings)
    fakes.take_calls()
    config = settings.ladder.row('b').config
    before = config.read_text()
    config.write_text(before.replace('scale = 98', 'scale = 99'))
    run_ladder(settings)
    trained = sorted(call for call in fakes.take_calls() if 'train' in call)
    assert trained == ['train b_seed0 new', 'train b_seed1 new']
    run_ladder(replace(settings, overrides={'scale': 7}))
    assert len(fakes.take_calls()) == 8, 'an override is another config; the baselines do not depend on it'
    config.write_text(before)
    run_ladder(settings)
    assert fakes.take_calls() == []


def test_another_split_or_protocol_needs_no_pretraining(
    settings: LadderSettings, fakes: Fakes, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(DataSet, 'part', lambda self, part: (part, None))  # the infos are bytes only
    run_ladder(replace(settings, split='validation'))
    fakes.take_calls()
    run_ladder(settings)
    probes = [f'probe {row}_seed{seed}_test' for row in 'ab' for seed in (0, 1)] + ['probe baselines_test']
    assert sorted(fakes.take_calls()) == sorted(probes)
    run_ladder(replace(settings, probe=ProbeSettings(n_draws=2)))
    assert sorted(fakes.take_calls()) == sorted(probes), 'another protocol is another probe of the same checkpoints'


def test_interruption_keeps_what_is_finished_and_ends_what_runs(settings: LadderSettings, fakes: Fakes) -> None:
    fakes.behave(b_seed0='sleep', b_seed1='sleep')
    with interrupted_when(lambda: fakes.calls_file.read_text().count('train b') == 2):
        run_ladder(settings)
    fakes.take_calls()
    fakes.behave()
    record = run_ladder(settings)
    assert sorted(call for call in fakes.take_calls() if 'train' in call) == [
        'train b_seed0 again',
        'train b_seed1 again',
    ]
    assert record['complete']


def test_collapsed_and_failed_cells_are_recorded_and_retried_on_request(
    settings: LadderSettings, fakes: Fakes, capsys: pytest.CaptureFixture
) -> None:
    fakes.behave(b_seed0='collapse', b_seed1='fail')
    record = run_ladder(settings)
    assert 'b_seed0: collapsed at step 7' in capsys.readouterr().out
    collapsed, failed = record['rows'][1]['cells']
    assert (collapsed['status'], collapsed['step']) == ('collapsed', 7)
    assert 'constant features' in collapsed['message']
    assert (failed['status'], 'no room left' in failed['message']) == ('failed', True)
    assert 'its log is ' in failed['message']
    assert 'seed 0 collapsed at step 7; seed 1 failed' in (settings.out / 'ladder_test.md').read_text()
    fakes.take_calls()
    fakes.behave()
    assert run_ladder(settings)['rows'] == record['rows']
    assert fakes.take_calls() == [], 'not retried silently'
    record = run_ladder(replace(settings, retry_failed=True))
    calls = [call for call in fakes.take_calls() if 'train' in call]
    assert sorted(calls) == ['train b_seed0 new', 'train b_seed1 again'], 'a collapsed run starts anew'
    assert [cell['status'] for cell in record['rows'][1]['cells']] == ['finished', 'finished']


def test_failing_baselines_end_the_ladder(settings: LadderSettings, fakes: Fakes) -> None:
    fakes.behave(baselines='fail')
    with pytest.raises(CellFailed, match=r'baselines_test: .*log.*gone'):
        run_ladder(settings)
    fakes.behave()
    assert run_ladder(settings)['complete'], 'the same call tries again'


def test_the_test_split_is_reported_once(settings: LadderSettings, fakes: Fakes) -> None:
    """Unless cells gave no number."""
    once = replace(settings, again=False)
    run_ladder(once)
    with pytest.raises(FileExistsError, match=r'ladder_test\.json.*--again'):
        run_ladder(once)
    run_ladder(settings)


def test_rows_of_different_length_are_refused(settings: LadderSettings, fakes: Fakes) -> None:
    row = settings.ladder.row('a')
    row.config.write_text(row.config.read_text().replace('max_iters = 10', 'max_iters = 11'))
    with pytest.raises(ValueError, match=r"different numbers of steps .*'a': 11, 'b': 10"):
        run_ladder(replace(settings, steps=None))
