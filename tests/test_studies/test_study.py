"""The engine of all studies: order, what is done twice and what is not, what is lost."""

import json
import shutil
import time
from dataclasses import replace
from pathlib import Path

import pytest

from dos_mm3d.studies.runner import Cell, CellFailed, Study, StudyArguments, reported_before
from tests.helpers.recorded_calls import SLEEP_S
from tests.helpers.study_cells import APPEND, COLLAPSE, FAIL, appending, ending, python, run, statuses


def test_a_cell_waits_for_what_it_comes_after(tmp_path: Path) -> None:
    first = ending('first', 'import time; time.sleep(0.3)')
    log = tmp_path / 'log'
    writes = Cell('writes', {}, lambda folder: [python(APPEND, log, 'w')], after=(first,))
    reads = Cell('reads', {}, lambda folder: [python(APPEND, log, log.read_text() + 'r')], after=(writes,))
    study = run(tmp_path, reads, writes, first, workers=3)
    assert log.read_text() == 'wwr', 'commands are made when the turn of the cell has come'
    assert study.record()['complete']


def test_what_a_cell_comes_after_decides_its_folder(tmp_path: Path) -> None:
    one, other = (Cell('first', {'rate': rate}, lambda folder: []) for rate in (1, 2))
    alone, *after = (Cell('second', {}, lambda folder: [], after=before) for before in ((), (one,), (other,)))
    assert len({cell.folder(tmp_path) for cell in (alone, *after)}) == 3
    assert after[0].key == Cell('x', {}, lambda folder: [], after=(one,)).key


@pytest.mark.parametrize(('code', 'status'), [(FAIL, 'failed'), (COLLAPSE, 'collapsed')])
def test_what_comes_after_a_lost_cell_is_blocked(
    tmp_path: Path, capsys: pytest.CaptureFixture, code: str, status: str
) -> None:
    lost = ending('lost', code)
    second = appending('second', tmp_path / 'log', after=(lost,))
    cells = lost, second, appending('third', tmp_path / 'log', after=(second,)), appending('free', tmp_path / 'log')
    for _ in range(2):
        study = run(tmp_path, *cells)
        assert statuses(study) == {'lost': status, 'second': 'blocked', 'third': 'blocked', 'free': 'finished'}
        assert study.record()['complete'], 'nothing is left to do'
    assert (tmp_path / 'log').read_text() == 'free'
    assert 'second: blocked: lost gave nothing' in capsys.readouterr().out


def test_a_retried_cell_frees_what_it_blocked(tmp_path: Path) -> None:
    flag = tmp_path / 'flag'
    lost = Cell('lost', {}, lambda folder: [python('import os, sys; sys.exit(not os.path.exists(sys.argv[1]))', flag)])
    second = appending('second', tmp_path / 'log', after=(lost,))
    assert statuses(run(tmp_path, lost, second)) == {'lost': 'failed', 'second': 'blocked'}
    flag.touch()
    assert statuses(run(tmp_path, lost, second)) == {'lost': 'failed', 'second': 'blocked'}, 'not retried silently'
    assert statuses(run(tmp_path, lost, second, retry_failed=True)) == {'lost': 'finished', 'second': 'finished'}


def test_a_moved_or_copied_folder_goes_on_where_it_is(tmp_path: Path) -> None:
    """Ended between two commands of a cell: the second one works in the new place, on what the first left there, and
    no file of the study names the old one."""
    old, copy, moved = (tmp_path / name for name in ('old', 'copy', 'moved'))
    flag = tmp_path / 'flag'
    wait = 'import os, sys; sys.exit(not os.path.exists(sys.argv[1]) and "error: not yet")'
    read = 'import pathlib, sys; here = pathlib.Path(sys.argv[1]); (here / "read").write_text((here / "w").read_text())'

    def commands(folder: Path) -> list[list[str]]:
        return [python(APPEND, folder / 'w', 'w'), python(wait, flag), python(read, folder)]

    first = Cell('first', {}, lambda folder: [python(APPEND, folder / 'w', 'w')], needed=True)
    cells = first, Cell('second', {}, commands, needed=True, after=(first,))
    with pytest.raises(CellFailed, match='not yet'):
        run(old, *cells)
    told = [path.read_text() for path in old.rglob('*.json')]
    assert len(told) == 3
    assert not [text for text in told if str(old) in text]
    shutil.copytree(old, copy)
    old.rename(moved)
    flag.touch()
    for place in (copy, moved):
        assert statuses(run(place, *cells)) == {'first': 'finished', 'second': 'finished'}
        assert (cells[1].folder(place) / 'read').read_text() == 'w', 'what was done is not done again'
        assert (cells[0].folder(place) / 'w').read_text() == 'w'
    assert not old.exists()


@pytest.mark.parametrize(('code', 'kept'), [(FAIL, True), (COLLAPSE, False)])
def test_a_collapsed_cell_begins_anew_a_failed_one_goes_on(tmp_path: Path, code: str, kept: bool) -> None:
    def commands(folder: Path) -> list[list[str]]:
        return [python(APPEND, folder / 'weights', 'x'), python(code)]

    cell = Cell('cell', {}, commands)
    run(tmp_path, cell)
    run(tmp_path, cell, retry_failed=True)
    assert (cell.folder(tmp_path) / 'weights').read_text() == ('xx' if kept else 'x')


def test_a_needed_cell_ends_the_study_and_is_tried_again(tmp_path: Path) -> None:
    log = tmp_path / 'log'
    cell = Cell('needed', {}, lambda folder: [python(APPEND, log, 'x'), python(FAIL)], needed=True)
    beside = ending('beside', f'import time; time.sleep({SLEEP_S})')
    start = time.perf_counter()
    for _ in range(2):
        with pytest.raises(CellFailed, match=r'needed: ended with status 1; its log is .*no room left'):
            run(tmp_path, cell, beside, workers=2)
    assert time.perf_counter() - start < SLEEP_S, 'what ran beside it was waited for'
    assert log.read_text() == 'x', 'what had ended well was repeated'


def test_a_missing_output_is_a_failure_and_a_reason_to_run_again(tmp_path: Path) -> None:
    silent = Cell('silent', {}, lambda folder: [python('')], outputs=(tmp_path / 'gone',), needed=True)
    with pytest.raises(CellFailed, match=r'did not write .*gone'):
        run(tmp_path, silent)
    log = tmp_path / 'elsewhere'
    cell = appending('writes', log, outputs=(log,))
    run(tmp_path, cell)
    log.unlink()
    for _ in range(2):
        run(tmp_path, cell)
    assert log.read_text() == 'writes'


def test_a_cell_whose_outputs_an_earlier_one_takes_away_is_run_in_the_same_call(tmp_path: Path) -> None:
    """As a data set that is written anew loses what a converter had added; what reads it waits for both."""
    marker, added, log = tmp_path / 'marker', tmp_path / 'added', tmp_path / 'log'
    rewrite = 'import pathlib, sys, time; time.sleep(0.2); marker, added = map(pathlib.Path, sys.argv[1:])\n'
    rewrite += 'added.unlink(missing_ok=True); marker.touch()'
    data = Cell('data', {}, lambda folder: [python(rewrite, marker, added)], outputs=(marker,))
    convert = Cell('convert', {}, lambda folder: [python(APPEND, added, 'c')], outputs=(added,), after=(data,))
    report = Cell(
        'report', {}, lambda folder: [python(APPEND, log, added.read_text())], outputs=(log,), after=(convert,)
    )
    cells = data, convert, report, ending('beside', 'pass', after=(data,))
    run(tmp_path, *cells, workers=3)
    for path in (marker, log):
        path.unlink()
    study = run(tmp_path, *cells, workers=3)
    assert (added.read_text(), log.read_text()) == ('c', 'c')
    assert statuses(study) == dict.fromkeys(('data', 'convert', 'report', 'beside'), 'finished')


def test_a_place_holds_the_latest_settings_only(tmp_path: Path) -> None:
    def cell(rate: int) -> Cell:
        place = Path('weights')
        return Cell('train', {'rate': rate}, lambda folder: [python(APPEND, folder / 'out', rate)], place=place)

    for rate, wanted in ((1, '1'), (1, '1'), (2, '2'), (1, '1')):
        run(tmp_path, cell(rate))
        assert (tmp_path / 'weights' / 'out').read_text() == wanted


def test_forgotten_cells_are_done_again(tmp_path: Path) -> None:
    cell = appending('a', tmp_path / 'log')
    study = run(tmp_path, cell)
    study.forget()
    assert statuses(study) == {'a': 'not run'}
    run(tmp_path, cell)
    assert (tmp_path / 'log').read_text() == 'aa'


def test_names_and_order_must_be_possible(tmp_path: Path) -> None:
    first = ending('a', '')
    with pytest.raises(ValueError, match='a: more than one cell of that name'):
        Study([first, first], tmp_path, title='study')
    with pytest.raises(ValueError, match='b comes after a, which the study does not have'):
        Study([ending('b', '', after=(first,))], tmp_path, title='study')


def test_the_test_split_is_reported_once(tmp_path: Path) -> None:
    path = tmp_path / 'record.json'
    test = StudyArguments(out=tmp_path, seeds=1, split='test', command='run this')
    assert reported_before(path, test) is None
    record = {'complete': True, 'command': 'run this', 'cells': [{'name': 'a', 'status': 'failed'}]}
    path.write_text(json.dumps(record))
    for allowed in ({'split': 'validation'}, {'retry_failed': True}, {'again': True}):
        assert reported_before(path, replace(test, **allowed)) is None
    assert reported_before(path, test) == record, 'killed before it was shown'
    for other in ('run that', ''):
        with pytest.raises(FileExistsError, match=r'record\.json.*by `run this`; its table is .*record\.md.*--again'):
            reported_before(path, replace(test, command=other))
    path.write_text(json.dumps({**record, 'cells': [{'name': 'a', 'status': 'finished'}]}))
    with pytest.raises(FileExistsError):
        reported_before(path, replace(test, retry_failed=True, command='run that'))
