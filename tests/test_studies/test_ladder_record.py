"""What a ladder's record and its tables say follows from the cells' numbers; nothing that failed is hidden."""

import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from dos_mm3d.datasets.nuscenes.classes import CLASSES
from dos_mm3d.files import write_json
from dos_mm3d.studies.ablation.ladder_file import Ladder, LadderRow
from dos_mm3d.studies.ablation.record import build_record, conclusions
from dos_mm3d.studies.ablation.text import full_text, markdown_table, summary
from dos_mm3d.studies.figures.ladder import draw_ladder
from dos_mm3d.visualization.style import to_png
from tools import build_tables

ROOT = Path(__file__).resolve().parents[2]
TITLES = {'naive': 'naive', 'cluster': 'clustering', 'plain': 'plain softmap', 'dos': 'DOS'}


def per_class(miou: float) -> dict[str, float | None]:
    """Every class at `miou`, but for the last, which does not occur."""
    return {name: None if name == CLASSES[-1] else miou for name in CLASSES}


def feature_row(miou: float, seeds: list[float] | None = None) -> dict[str, Any]:
    row = {'miou': miou, 'sd': 0.5, 'draws': [miou] * 3, 'per_class': per_class(miou)}
    return row | ({'seeds': seeds} if seeds else {})


def finished(seed: int, miou: float, **features: float) -> dict[str, Any]:
    probe = {'teacher': feature_row(miou), **{name: feature_row(value) for name, value in features.items()}}
    monitors = {'effective_rank': 10.0 + seed, 'prototypes_used': 0.5}
    seconds = {'pretrain': 100.0, 'probe': 30.0}
    return {
        'seed': seed,
        'status': 'finished',
        'commit': 'c0ffee' * 7,
        'seconds': seconds,
        'monitors': monitors,
        'probe': probe,
    }


def collapsed(seed: int) -> dict[str, Any]:
    return {
        'seed': seed,
        'status': 'collapsed',
        'step': 140,
        'message': 'pretraining has collapsed | at iteration 140:\nlower the rate',
        'commit': 'c0ffee' * 7,
        'seconds': {'pretrain': 40.0},
        'monitors': {},
    }


@pytest.fixture
def ladder() -> Ladder:
    above = {'naive': None, 'cluster': 'naive', 'plain': 'naive', 'dos': 'plain'}
    rows = [LadderRow(name, Path(f'{name}.py'), title, above[name], False) for name, title in TITLES.items()]
    option = LadderRow('views', Path('views.py'), 'with local views', 'dos', True)
    return Ladder(Path('ladder.py'), (*rows, option))


@pytest.fixture
def record(ladder: Ladder) -> dict[str, Any]:
    results = {
        'naive': {seed: collapsed(seed) for seed in range(3)},
        'cluster': {0: finished(0, 20.0), 1: finished(1, 21.0), 2: collapsed(2)},
        'plain': {seed: finished(seed, 22.0 + seed) for seed in range(3)},
        'dos': {
            seed: finished(seed, 27.0 + seed + 0.1 * (seed == 1), teacher_raw_handcrafted=31.0 + seed)
            for seed in range(3)
        },
        'views': {0: finished(0, 28.5)},
    }
    rows = {'raw': 14.0, 'pillars': 26.0, 'handcrafted': 29.0}
    baselines = {
        'rows': {
            **{name: feature_row(miou) for name, miou in rows.items()},
            'random': feature_row(18.0, [17.0, 18.0, 19.0]),
            'random_raw': feature_row(19.0, [18.5, 19.0, 19.5]),
            'random_raw_handcrafted': feature_row(30.0, [29.9, 30.0, 30.1]),
        },
        'class_points': {name: 100 - number for number, name in enumerate(CLASSES)},
        'split': {'name': 'validation', 'scored_scans': 24, 'classes_absent': [CLASSES[-1]]},
    }
    facts = {
        'split': 'validation',
        'steps': 300,
        'complete': True,
        'protocol': {'n_draws': 3, 'scans_per_draw': 20},
        'machine': {'device': 'cpu'},
        'versions': {'torch': '2.13.0'},
    }
    return build_record(ladder, results, baselines, facts)


def row(record: dict[str, Any], name: str) -> dict[str, Any]:
    return next(row for row in [*record['rows'], *record['options']] if row['name'] == name)


def test_differences_are_paired_with_the_row_that_is_named(record: dict[str, Any]) -> None:
    dos = row(record, 'dos')
    # differences to `plain`: 5, 5.1, 5
    assert dos['difference']['mean'] == pytest.approx(15.1 / 3)
    assert dos['difference']['verdict'] == 'separates'
    assert dos['mean'] == pytest.approx(28 + 0.1 / 3)
    assert dos['sd'] == pytest.approx(np.std([27, 28.1, 29], ddof=1))
    assert row(record, 'plain')['difference'] is None, 'the row above has no finished seed'
    option = row(record, 'views')['difference']
    assert (option['mean'], option['verdict']) == (1.5, '-')


def test_groups_classes_and_monitors_are_means_over_seeds(record: dict[str, Any]) -> None:
    dos = row(record, 'dos')
    assert record['classes']['groups']['head'] == list(CLASSES[:6])
    assert dos['per_class'][CLASSES[-1]] is None
    assert dos['groups']['tail'] == pytest.approx(28 + 0.1 / 3)
    assert dos['monitors']['effective_rank'] == 11.0
    assert record['reference'] == 'dos', 'the row that the options change'


def test_reference_is_compared_with_the_baselines(record: dict[str, Any]) -> None:
    found = {(entry['features'], entry['baseline']): entry for entry in record['comparisons']}
    assert found['teacher', 'random_raw']['verdict'] == 'separates'
    assert found['teacher', 'handcrafted']['verdict'] == 'does not separate'
    assert found['teacher_raw_handcrafted', 'random_raw_handcrafted']['mean'] == pytest.approx(2.0)
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


def test_rows_without_cells_are_not_run(ladder: Ladder, record: dict[str, Any]) -> None:
    baselines = {
        'rows': {name: feature_row(1.0) for name in record['baselines']},
        'class_points': record['classes']['points'],
        'split': {'name': 'validation', 'scored_scans': 1, 'classes_absent': []},
    }
    facts = {key: record[key] for key in ('split', 'steps', 'complete', 'protocol', 'machine', 'versions')}
    empty = build_record(ladder, {}, baselines, facts)
    text = full_text(empty)
    assert text.count('| not run |') == 4
    assert 'with local views' not in text, 'options that were not run are no part of the table'
    assert empty['comparisons'] == []
    assert to_png(draw_ladder(empty))


def test_markdown_stays_one_table(record: dict[str, Any]) -> None:
    """Every line of a table has as many cells as its header, whatever a failure's message says."""
    for block in full_text(record).split('\n\n'):
        if block.startswith('| '):
            cells = [line.replace('\\|', '').count('|') for line in block.splitlines()]
            assert len(set(cells)) == 1, block
    assert markdown_table(('a', 'b'), [('1', '2')]) == '| a | b |\n| --- | --- |\n| 1 | 2 |'


def test_picture_has_every_row_seed_and_baseline(record: dict[str, Any]) -> None:
    levels, differences = draw_ladder(record).axes
    labels = [label.get_text().replace('\n', ' ') for label in levels.get_yticklabels()]
    lost = {'naive': ' (3 collapsed at 140)', 'clustering': ' (1 collapsed at 140)'}
    rows = [title + lost.get(title, '') for title in (*TITLES.values(), 'with local views')]
    assert (len(labels), labels[6:]) == (11, rows)
    seeds = [value for line in levels.lines if line.get_marker() == 'o' for value in line.get_xdata()]
    assert set(seeds) >= {20, 21, 22, 23, 24, 27, 28.1, 29}
    assert {'29.0', '28.0'} <= {text.get_text() for text in levels.texts}
    assert [text.get_text() for text in differences.texts] == ['5.0', '1.5']


def test_the_tables_follow_the_record(record: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(build_tables, 'RECORDS', tmp_path)
    monkeypatch.setattr(build_tables, 'README', tmp_path / 'README.md')
    monkeypatch.setattr(build_tables, 'RESULTS', tmp_path / 'results.md')
    names = ('quickstart', 'ladder', 'backbones', 'protocols', 'real-folders', 'config-check', 'records')
    build_tables.RESULTS.write_text(''.join(f'<!-- {name} -->\n\n<!-- /{name} -->\n' for name in names))
    build_tables.README.write_text('<!-- numbers -->\n<!-- /numbers -->\n')

    def run(*arguments: str) -> int:
        monkeypatch.setattr(sys, 'argv', ['build_tables.py', *arguments])
        return build_tables.main()

    assert (run('--check'), run(), run('--check')) == (1, 0, 0)
    assert 'Ladder: not run.' in build_tables.RESULTS.read_text()
    record |= {'ladder': 'ladder.py', 'commit': 'c0ffee' * 7}
    write_json(tmp_path / 'ladder.json', record)
    assert (run('--check'), run(), run('--check')) == (1, 0, 0)
    assert summary(record) in build_tables.RESULTS.read_text()
    record['rows'][3]['mean'] += 0.1
    write_json(tmp_path / 'ladder.json', record)
    assert run('--check') == 1
    reference = next(row for row in record['rows'] if row['name'] == record['reference'])
    reference['other_features']['teacher_raw'] = {'mean': 26.26, 'sd': 0.2}
    write_json(tmp_path / build_tables.BACKBONE_LADDERS['MinkUNet'], record)
    run()
    (line,) = [line for line in build_tables.RESULTS.read_text().splitlines() if line.startswith('| MinkUNet |')]
    gain = reference['mean'] - record['baselines']['random_raw']['mean']
    assert line.startswith(f'| MinkUNet | {record["steps"]} | {len(reference["seeds"])} |')
    assert line.endswith(f'| {gain:+.1f} |')
    assert '| PTv3 | not run |' in build_tables.RESULTS.read_text()
    assert '| not run | not run | not run |' in build_tables.README.read_text()
    (tmp_path / 'nobodys.json').write_text('{}')
    with pytest.raises(ValueError, match=r'nobodys\.json: a record of no tool'):
        run()
