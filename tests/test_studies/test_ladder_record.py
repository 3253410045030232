"""What a ladder's record and its tables say follows from the cells' numbers; nothing that failed is hidden."""

import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from dos_mm3d.datasets.nuscenes.classes import CLASSES
from dos_mm3d.files import write_json
from dos_mm3d.studies.protocols.ladder import LadderProtocol
from dos_mm3d.studies.protocols.ladder_file import Ladder, LadderRow
from dos_mm3d.studies.protocols.ladder_text import conclusions, summary
from dos_mm3d.studies.protocols.runner import build_record
from dos_mm3d.studies.protocols.table import full_text
from dos_mm3d.studies.runner.markdown import markdown_table
from tests.helpers.ladder_fakes import FakeLadder
from tools import build_tables

TITLES = {'naive': 'naive', 'cluster': 'clustering', 'plain': 'plain softmap', 'dos': 'DOS'}
BASELINES = {'raw': 14.0, 'pillars': 26.0, 'handcrafted': 29.0}
RANDOM = {'random': 18.0, 'random_raw': 19.0, 'random_raw_handcrafted': 30.0}


def probed(**features: float) -> dict[str, Any]:
    """What a probe's cell finds: every class at the row's mIoU, but for the last, which does not occur."""

    def row(miou: float) -> dict[str, Any]:
        per_class = {name: [None if name == CLASSES[-1] else miou] for name in CLASSES}
        return {'miou': {'miou': [miou], 'per_class': per_class, 'confusion': [[1]]}}

    column = {'draws': [['scan']], 'labelled_frames': [20], 'sequences': [9]}
    scored = {'scored_scans': 24, 'scored_points': [5] * (len(CLASSES) - 1) + [0], 'classes': list(CLASSES)}
    return {**scored, 'columns': {'miou': column}, 'rows': {name: row(value) for name, value in features.items()}}


def finished(row: str, seed: int, miou: float, **features: float) -> dict[str, Any]:
    """Both cells of a row and a seed."""
    others = {'dos_student': miou, 'dos_raw': miou + 0.5, 'dos_raw_handcrafted': miou + 2, **features}
    trained = {'monitors': {'effective_rank': 10.0 + seed, 'prototypes_used': 0.5}}
    return {f'{row}_seed{seed}': trained, f'{row}_seed{seed}_validation': probed(dos=miou, **others)}


def collapsed(name: str) -> dict[str, Any]:
    message = 'pretraining has collapsed | at iteration 140:\nlower the rate'
    return {'name': name, 'status': 'collapsed', 'step': 140, 'message': message, 'seconds': 40.0}


@pytest.fixture
def protocol(ladder: FakeLadder, tmp_path: Path) -> LadderProtocol:
    above = {'naive': None, 'cluster': 'naive', 'plain': 'naive', 'dos': 'plain'}
    config = tmp_path / 'a.py'
    rows = [LadderRow(name, config, title, above[name], False) for name, title in TITLES.items()]
    option = LadderRow('views', config, 'with local views', 'dos', True)
    ladder.ladder = Ladder(Path('ladder.py'), (*rows, option))
    made = ladder.protocol(seeds=3, steps=300, split='validation')
    made.class_points = {name: 100 - number for number, name in enumerate(CLASSES)}
    return made


def record_of(protocol: LadderProtocol, found: dict[str, Any], lost: list[dict[str, Any]]) -> dict[str, Any]:
    """As `build_record` makes it from a study that found and lost this."""
    cells = [{'name': name, 'status': 'finished', 'seconds': 100.0} for name in found]
    facts = {'commits': [], 'machine': {'device': 'cpu'}, 'versions': {'torch': '2.13.0'}, 'commit': 'c0ffee' * 7}
    record = {'complete': True, 'cells': [*cells, *lost], 'command': '', **facts}
    return build_record(protocol, SimpleNamespace(found=lambda: found, record=lambda command: record))


@pytest.fixture
def record(protocol: LadderProtocol) -> dict[str, Any]:
    found = {'fixed': probed(**BASELINES)}
    for seed, change in enumerate((-0.5, 0.0, 0.5)):
        found[f'random_{seed}'] = probed(**{name: miou + change for name, miou in RANDOM.items()})
    found |= finished('cluster', 0, 20.0) | finished('cluster', 1, 21.0) | finished('views', 0, 28.5)
    for seed in range(3):
        found |= finished('plain', seed, 22.0 + seed)
        found |= finished('dos', seed, 27.0 + seed + 0.1 * (seed == 1), dos_raw_handcrafted=31.0 + seed)
    lost = [collapsed(f'naive_seed{seed}') for seed in range(3)] + [collapsed('cluster_seed2')]
    return record_of(protocol, found, lost)


def row(record: dict[str, Any], name: str) -> dict[str, Any]:
    return build_tables.entries_of(record, name)


def test_differences_are_paired_with_the_row_that_is_named(record: dict[str, Any]) -> None:
    dos = row(record, 'dos')
    # differences to `plain`: 5, 5.1, 5
    assert dos['difference']['mean'] == pytest.approx(15.1 / 3)
    assert dos['difference']['verdict'] == 'separates'
    assert dos['miou']['mean'] == pytest.approx(28 + 0.1 / 3)
    assert dos['miou']['sd'] == pytest.approx(np.std([27, 28.1, 29], ddof=1))
    assert 'difference' not in row(record, 'plain'), 'the row above has no finished seed'
    option = row(record, 'views')['difference']
    assert (option['mean'], option['verdict']) == (1.5, '-')


def test_groups_classes_and_monitors_are_means_over_seeds(record: dict[str, Any]) -> None:
    dos = row(record, 'dos')
    assert record['classes']['groups']['head'] == list(CLASSES[:6])
    assert dos['miou']['per_class'][CLASSES[-1]] is None
    assert dos['miou']['groups']['tail'] == pytest.approx(28 + 0.1 / 3)
    assert dos['effective_rank']['mean'] == 11.0
    assert record['classes']['classes_absent'] == [CLASSES[-1]]
    assert record['reference'] == 'dos', 'the row that the options change'


def test_reference_is_compared_with_the_baselines(record: dict[str, Any]) -> None:
    found = {(entry['features'], entry['baseline']): entry for entry in record['comparisons']}
    assert found['miou', 'random_raw']['verdict'] == 'separates'
    assert found['miou', 'handcrafted']['verdict'] == 'does not separate'
    assert found['dos_raw_handcrafted', 'random_raw_handcrafted']['mean'] == pytest.approx(2.0)
    lines = conclusions(record)
    assert any(
        line.startswith('DOS (teacher alone) is not above hand-crafted + raw: 28.0 against 29.0') for line in lines
    )
    assert '1 of 1 rows separate from the row that they are compared with (dos); at 95 %' in '\n'.join(lines)
    assert 'naive: seed 0 collapsed at step 140; seed 1 collapsed at step 140' in '\n'.join(lines)


def test_a_collapsed_row_is_shown_as_such(record: dict[str, Any]) -> None:
    text = summary(record)
    lines = {line.split(' | ')[0].strip('| '): line for line in text.splitlines() if line.startswith('| ')}
    assert 'seed 0 collapsed at step 140; seed 1 collapsed' in lines['naive']
    assert '20.5 ± 0.7; seed 2 collapsed at step 140 | 2 |' in lines['clustering']
    assert '28.0 ± 1.0 | 3 | +5.0 | +4.9 to +5.2 | separates |' in lines['DOS']
    assert '28.5 | 1 | +1.5 | - | - |' in lines['with local views']
    assert 'against DOS' in text
    assert 'Compared with another row than the one above: plain softmap with naive.' in text


def test_rows_without_cells_are_not_run(protocol: LadderProtocol) -> None:
    empty = record_of(protocol, {'fixed': probed(**BASELINES)}, [])
    text = summary(empty)
    assert text.count('| not run |') == 4 + len(RANDOM)
    assert 'with local views' not in text, 'options that were not run are no part of the table'
    assert empty['comparisons'] == []
    assert protocol.draw(empty)
    assert 'not run' in summary(record_of(protocol, {}, [])), 'nothing is finished yet'


def test_markdown_stays_one_table(record: dict[str, Any]) -> None:
    """Every line of a table has as many cells as its header, whatever a failure's message says."""
    for block in full_text(record, summary).split('\n\n'):
        if block.startswith('| '):
            cells = [line.replace('\\|', '').count('|') for line in block.splitlines()]
            assert len(set(cells)) == 1, block
    assert markdown_table(('a', 'b'), [('1', '2')]) == '| a | b |\n| --- | --- |\n| 1 | 2 |'


def test_picture_has_every_row_seed_and_baseline(protocol: LadderProtocol, record: dict[str, Any]) -> None:
    levels, differences = protocol.draw(record).axes
    labels = [label.get_text().replace('\n', ' ') for label in levels.get_yticklabels()]
    # a row that lost every seed has no place; the table says what became of it
    assert (len(labels), labels[6:]) == (10, [*list(TITLES.values())[1:], 'with local views'])
    seeds = [value for line in levels.lines if line.get_marker() == 'o' for value in line.get_xdata()]
    assert set(seeds) >= {20, 21, 22, 23, 24, 27, 28.1, 29}
    assert {'29.0', '28.0'} <= {text.get_text() for text in levels.texts}
    assert [text.get_text() for text in differences.texts] == ['5.0', '1.5']


def test_the_tables_follow_the_record(record: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    records = tmp_path / 'records'
    monkeypatch.setattr(build_tables, 'RECORDS', records)
    pages = {name: path for name, path in vars(build_tables).items() if isinstance(path, Path) and path.suffix == '.md'}
    assert {'README', 'RESULTS', 'BENCHMARKS'} <= set(pages)
    for name, path in pages.items():  # all of them: the repository's own are not written
        (tmp_path / path.name).write_text(path.read_text())
        monkeypatch.setattr(build_tables, name, tmp_path / path.name)
    names = (
        'quickstart',
        'ladder',
        'ladder-minkunet',
        'ladder-real',
        'planted-worlds',
        'backbones',
        'protocols',
        'real-folders',
        'config-check',
        'records',
    )
    build_tables.RESULTS.write_text(''.join(f'<!-- {name} -->\n\n<!-- /{name} -->\n' for name in names))
    build_tables.README.write_text('<!-- numbers -->\n<!-- /numbers -->\n')

    def run(*arguments: str) -> int:
        monkeypatch.setattr(sys, 'argv', ['build_tables.py', *arguments])
        return build_tables.main()

    assert (run('--check'), run(), run('--check')) == (1, 0, 0)
    assert 'Ladder: not run.' in build_tables.RESULTS.read_text()
    write_json(records / 'ladder.json', record)
    assert (run('--check'), run(), run('--check')) == (1, 0, 0)
    assert summary(record) in build_tables.RESULTS.read_text()
    reference = row(record, record['reference'])
    reference['miou']['mean'] += 0.1
    write_json(records / 'ladder.json', record)
    assert run('--check') == 1
    write_json(records / build_tables.BACKBONE_LADDERS['MinkUNet'], record)
    run()
    (line,) = [line for line in build_tables.RESULTS.read_text().splitlines() if line.startswith('| MinkUNet |')]
    gain = reference['miou']['mean'] - row(record, 'random_raw')['miou']['mean']
    assert line.startswith('| MinkUNet | 300 | 3 |')
    assert line.endswith(f'| {gain:+.1f} |')
    assert '| PTv3 | not run |' in build_tables.RESULTS.read_text()
    assert '| not run | not run | not run |' in build_tables.README.read_text()
    write_json(records / build_tables.MINKUNET_LADDER, record)
    assert (run('--check'), run(), run('--check')) == (1, 0, 0)
    assert build_tables.RESULTS.read_text().count(summary(record)) == 2
    (line,) = [line for line in build_tables.README.read_text().splitlines() if 'rows of the ablation' in line]
    assert line.endswith(f'| {" | ".join(build_tables.ladder_number(record))} |')
    (records / 'nobodys.json').write_text('{}')
    with pytest.raises(ValueError, match=r'nobodys\.json: a record of no tool'):
        run()


def test_what_separates_is_told_in_words() -> None:
    def one(name: str, above: str | None, points: float, verdict: str) -> dict[str, Any]:
        entries = {'difference': {'mean': points, 'verdict': verdict}} if above else {}
        return {'name': name, 'title': name.upper(), 'above': above, 'is_option': False, 'entries': entries}

    rows = [one('a', None, 0.0, ''), one('b', 'a', 2.5, 'separates'), one('c', 'a', -1.0, 'does not separate')]
    told = {'settings': {'steps': 7}, 'rows': rows}
    assert build_tables.ladder_number(told)[::2] == ('1 of 2', 'B: 2.5 above A')
    rows[1]['entries']['difference']['mean'] = -2.5
    assert build_tables.ladder_number(told)[2] == 'B: 2.5 below A'
    rows[1]['entries']['difference']['verdict'] = 'does not separate'
    assert build_tables.ladder_number(told)[::2] == ('0 of 2', 'none')
