"""Protocols on objects: whole tables from tiny sets and checkpoints; what is refused, and in which words."""

import json
import math
import re
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import torch

from dos_mm3d.cli import run_protocol as tool
from dos_mm3d.errors import InputError, MissingFileError, OutputExistsError
from dos_mm3d.export.object_encoder import export_object_encoder
from dos_mm3d.studies.protocols.objects import base, cell
from dos_mm3d.studies.protocols.objects.comparisons import compared, comparisons
from dos_mm3d.studies.protocols.objects.data import read_object_data
from dos_mm3d.studies.protocols.objects.recipes import fed_as
from dos_mm3d.studies.protocols.objects.sources import (
    PUBLIC_SIZES,
    load_encoder,
    read_object_source,
    read_object_sources,
)
from dos_mm3d.studies.protocols.runner import run_protocol
from tests.helpers import asymdsd_nets
from tests.helpers.object_protocols import protocol, results_of, write_checkpoint, write_set


@pytest.fixture(scope='module')
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A set with parts, and checkpoints of two runs of one form and of another form."""
    folder = tmp_path_factory.mktemp('objects')
    write_set(folder / 'shapes', parts=True)
    for name, form, seed in (('a', 'dual', 0), ('b', 'dual', 1), ('c', 'mpm', 0)):
        write_checkpoint(folder / f'{name}.pth', form, seed)
    asymdsd_nets.sample(0)  # compiles what cells, which are forked, need
    return folder


def named(place: Path, *names: str) -> list[str]:
    labels = {'a': 'dual', 'b': 'dual', 'c': 'mpm'}
    return [f'{labels[name]}={place / name}.pth' for name in names]


def test_a_record_never_takes_the_place_of_a_checkpoint(place: Path) -> None:
    before = (place / 'a.pth').read_bytes()
    arguments = ['object_finetune', '--dataset', 'shapes', '--data-root', f'shapes={place / "shapes"}']
    wanted = tool.parse_args([*arguments, '--checkpoint', *named(place, 'a'), '--record', str(place / 'a.pth')])
    with pytest.raises(OutputExistsError, match=r'a\.pth: would replace the checkpoint'):
        tool.run(wanted)
    assert (place / 'a.pth').read_bytes() == before


def table(judged: Any, results: dict) -> dict[str, dict[str, Any]]:
    return {row['name']: row['entries'] for row in judged.rows(results)}


def test_a_study_of_it_is_recorded_and_gone_on_with(
    place: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def commands(folder: Path) -> list:
        return [partial(cell.main, [str(folder / 'request.json'), '--out', str(folder / 'answer.json')])]

    monkeypatch.setattr(base, 'commands_of', commands)
    judged = protocol('object_svm', tmp_path, {'shapes': place / 'shapes'}, named(place, 'a'), baselines=[])
    record = run_protocol(judged)
    assert record['complete'] and [one['status'] for one in record['cells']] == ['finished']
    text = (tmp_path / 'object_svm_shapes.md').read_text()
    for words in ('C = 1, or last epoch', 'AsymDSD, dual', '8 patches of 4', 'Objects of the class that are found'):
        assert words in text
    (page, _) = judged.pages()['Objects to turn and click in']
    shown = json.loads(re.search(r'id="data">(.*?)</script>', page)[1])
    assert shown['width'] and len({sweep['name'] for sweep in shown['sweeps']}) == len(shown['sweeps']) > 1
    report = (tmp_path / 'object_svm_shapes.html').read_text()
    assert report.index('>Objects to turn and click in<') < report.index('>Objects of the class that are found')
    monkeypatch.setattr(base, 'commands_of', lambda folder: pytest.fail('what is finished is not run again'))
    assert run_protocol(judged)['rows'] == record['rows']
    assert json.loads((tmp_path / 'object_svm_shapes.json').read_text())['units']['confusion'].startswith('objects')


def test_an_svm_table_has_rows_by_label_and_differences_of_all_pretrained_ones(place: Path, tmp_path: Path) -> None:
    options = dict(baselines=['descriptors', 'random'])
    judged = protocol('object_svm', tmp_path, {'shapes': place / 'shapes'}, named(place, 'a', 'b', 'c'), **options)
    results = results_of(judged)
    rows = table(judged, results)
    last, best = 'shapes_accuracy_last', 'shapes_accuracy_best'
    assert list(rows) == [
        *('descriptors', 'descriptors_best', 'described_size', 'described_size_best'),
        *('random', 'random2', 'dual', 'mpm'),
    ]  # fmt: skip
    assert list(rows['dual'][last]['values']) == ['dual_0', 'dual_1'] and rows['dual'][last]['sd_over'] == 'checkpoints'
    assert rows['descriptors'][last]['sd'] is None and last not in rows['descriptors_best']
    assert rows['mpm'][best]['facts']['mpm_0']['chosen'].startswith('C=')
    assert all(0 <= entry['mean'] <= 100 for entries in rows.values() for entry in entries.values())
    assert sum(map(sum, rows['mpm'][last]['confusion'])) == judged.columns(results)[0].facts['scored'] == 3
    against = {(one['row'], one['against']) for one in judged.more(results)['comparisons']}
    assert ('AsymDSD, dual', 'shape descriptors') in against and ('AsymDSD, dual', 'AsymDSD, mpm') in against
    del results['dual_0_shapes'], results['dual_1_shapes']
    assert table(judged, results)['dual'] == {}, 'what is not run yet is left out'
    results['mpm_0_shapes']['labelled'] += 1
    with pytest.raises(InputError, match='not judged on the same objects'):
        judged.columns(results)


@pytest.mark.parametrize('name', ['object_knn', 'object_linear', 'object_mlp3', 'object_finetune'])
def test_every_row_of_a_classification_has_its_numbers(place: Path, tmp_path: Path, name: str) -> None:
    nearest = name == 'object_knn'
    baselines = ['descriptors', 'random', *(('scratch', 'pointnet') if nearest else ())]
    options = dict(seeds=2, baselines=baselines)
    judged = protocol(name, tmp_path, {'shapes': place / 'shapes'}, named(place, 'a', 'b'), **options)
    rows = table(judged, results_of(judged))
    assert list(rows) == ['descriptors', 'described_size', *baselines[1:], 'dual']
    for entries in rows.values():
        assert set(entries) == {'shapes_accuracy_last', 'shapes_accuracy_best'}
    seeds = {'seed 0', 'seed 1'}
    assert set(rows['dual']['shapes_accuracy_last']['values']) == ({'dual_0', 'dual_1'} if nearest else seeds)
    assert set(rows['random']['shapes_accuracy_last']['values']) == seeds


def test_on_the_test_split_all_training_objects_are_fitted_on_and_shares_are_drawn_of_them(
    place: Path, tmp_path: Path
) -> None:
    options = dict(split='test', share=50.0, held_out=0.0, baselines=[])
    judged = protocol('object_finetune', tmp_path, {'shapes': place / 'shapes'}, named(place, 'a'), **options)
    assert judged.stem == 'object_finetune_shapes_share50'
    results = results_of(judged)
    (column,) = judged.columns(results)
    assert column.facts == {'labelled': 9, 'held_out': 0, 'scored': 9}
    (request,) = [json.loads(path.read_text()) for path in tmp_path.rglob('request.json')]
    first, second = request['recipe']['stages']
    assert first['frozen'] and not second['frozen'] and first['epochs'] + second['epochs'] == 2, 'as ModelNet40'
    assert not list(tmp_path.rglob('training.pth'))


def test_few_shot_has_a_column_a_size_and_a_value_a_draw(place: Path, tmp_path: Path) -> None:
    options = dict(ways=[2, 3], shots=[2], draws=3, queries=2, views=1, baselines=['descriptors', 'random'])
    judged = protocol('object_few_shot', tmp_path, {'shapes': place / 'shapes'}, named(place, 'a'), **options)
    results = results_of(judged)
    assert [column.title for column in judged.columns(results)] == ['2-way 2-shot', '3-way 2-shot']
    rows = table(judged, results)
    for row in ('descriptors', 'random', 'dual'):
        assert list(rows[row]['3w2s']['values']) == ['draw 0', 'draw 1', 'draw 2']
    assert {one['against'] for one in judged.more(results)['comparisons']} >= {'shape descriptors'}


def test_tasks_of_others_are_scored_as_they_are_on_the_test_split_alone(place: Path, tmp_path: Path) -> None:
    for draw in range(2):
        write_set(tmp_path / 'tasks' / '3way_2shot' / str(draw), train=2, test=1)
    options = dict(ways=[3], shots=[2], draws=2, views=1, baselines=[])
    tasks = {'tasks': tmp_path / 'tasks'}
    with pytest.raises(InputError, match='wanted --split test'):
        protocol('object_few_shot', tmp_path, tasks, named(place, 'a'), **options).check()
    judged = protocol('object_few_shot', tmp_path, tasks, named(place, 'a'), split='test', **options)
    assert len(table(judged, results_of(judged))['dual']['3w2s']['values']) == 2
    judged.args.options['draws'] = 3
    with pytest.raises(MissingFileError, match='3way_2shot/2'):
        judged.check()
    with pytest.raises(InputError, match='which object_few_shot is for'):
        protocol('object_svm', tmp_path, tasks, named(place, 'a'), split='test').check()


def test_parts_have_instance_and_class_miou_and_the_most_common_part_beside_them(place: Path, tmp_path: Path) -> None:
    judged = protocol('object_parts', tmp_path, {'shapes': place / 'shapes'}, named(place, 'a'), split='test')
    rows = table(judged, results_of(judged))
    assert list(rows) == ['most_common', 'descriptors', 'random', 'scratch', 'pointnet', 'dual']
    assert set(rows['dual']) == {
        f'shapes_{measure}_{state}' for measure in ('instance', 'class') for state in base.STATES
    }
    assert set(rows['most_common']) == {'shapes_instance_last', 'shapes_class_last'}
    # one of two equal halves everywhere: half right, the other not found
    assert rows['most_common']['shapes_instance_last']['mean'] == pytest.approx(25, abs=4)
    assert set(rows['dual']['shapes_instance_last']['per_class']) == {'box', 'ball', 'stick'}


def test_a_set_is_fed_in_proportion_to_the_crops_of_the_pretraining(place: Path) -> None:
    scans = fed_as('scanobjectnn', PUBLIC_SIZES)
    assert (scans.points, scans.patches, scans.points_per_patch, scans.turned) == (2048, 128, 32, True)
    data = read_object_data(['shapes'], [f'shapes={place / "shapes"}'])[0]
    assert data.format == 'modelnet40'
    data.train.source['variant'] = 'pb_t50_rs'
    assert data.format == 'scanobjectnn', 'embedded scans are fed as scans'
    clean = fed_as('modelnet40', PUBLIC_SIZES, patches=32, points=None)
    assert (clean.points, clean.patches, clean.scale, clean.turned) == (1024, 32, (0.6, 1.4), False)


def test_checkpoints_are_read_with_their_encoder(place: Path, tmp_path: Path) -> None:
    dual, mpm = read_object_sources(named(place, 'a', 'c'))
    assert dual.encoder['cls_token'] and not mpm.encoder['cls_token']
    assert (dual.name, dual.whole, dual.steps) == ('dual_0', (40, 8, 4), 7)
    model = asymdsd_nets.build()
    public = tmp_path / 'public.pth'
    meta = {'format': 'dos_mm3d asymdsd 1', 'model': asymdsd_nets.settings()}
    torch.save({'state_dict': model.state_dict(), 'meta': meta}, public)
    assert read_object_source(public, 'x', 0).whole == PUBLIC_SIZES
    export_object_encoder(place / 'a.pth', tmp_path / 'exported.pth')
    exported = read_object_source(tmp_path / 'exported.pth', 'dual', 0)
    assert (exported.encoder, exported.whole, exported.steps) == (dual.encoder, dual.whole, 7)
    weights, of_checkpoint = (
        load_encoder(path, dual.encoder).state_dict() for path in (exported.checkpoint, place / 'a.pth')
    )
    assert all(torch.equal(value, of_checkpoint[name]) for name, value in weights.items())
    export_object_encoder(place / 'a.pth', tmp_path / 'student.pth', branch='student')
    with pytest.raises(InputError, match='holds the encoder of the student'):
        read_object_source(tmp_path / 'student.pth', 'dual', 0)


def altered(place: Path, tmp_path: Path, **changes: Any) -> Path:
    """A checkpoint whose text says other things."""
    content = torch.load(place / 'a.pth', weights_only=True)
    for old, new in changes.pop('text', {}).items():
        assert old in content['meta']['cfg']
        content['meta']['cfg'] = content['meta']['cfg'].replace(old, new)
    torch.save({**content, **changes}, tmp_path / 'altered.pth')
    return tmp_path / 'altered.pth'


@pytest.mark.parametrize(
    ('changes', 'words'),
    [
        ({'text': {"'PatchEmbedding'": "'os.system'"}}, r"made of \['os.system'\]"),
        ({'text': {"'depth': 2": "'depth': 3"}}, '6 tensors of its encoder are not those'),
        ({'meta': {}}, 'no config text'),
        ({'state_dict': {'backbone.weight': torch.zeros(2)}}, 'no tensor begins with teacher.encoder'),
    ],
)
def test_a_checkpoint_of_something_else_is_refused(place: Path, tmp_path: Path, changes: dict, words: str) -> None:
    with pytest.raises(InputError, match=words):
        read_object_source(altered(place, tmp_path, **changes), 'x', 0)


def test_that_points_are_repeated_is_noted(place: Path, tmp_path: Path) -> None:
    told = [
        '\n'.join(protocol('object_svm', tmp_path, {'shapes': place / 'shapes'}, named(place, 'a'), **fed).notes())
        for fed in ({}, {'points': 9999})
    ]
    assert 'some stand there several times' not in told[0]
    assert 'shapes: no cloud has more than' in told[1] and 'some stand there several times' in told[1]


def test_what_cannot_be_judged_is_refused_before_anything_runs(place: Path, tmp_path: Path) -> None:
    shapes = {'shapes': place / 'shapes'}
    for options, words in (
        ({'share': 0.0}, '--share is 0'),
        ({'share': math.nan}, '--share is nan'),
        ({'held_out': 95.0}, '--held-out is 95'),
        ({'held_out': -0.5}, '--held-out is -0.5'),
    ):
        with pytest.raises(InputError, match=words):
            protocol('object_svm', tmp_path, shapes, named(place, 'a'), **options).check()
    with pytest.raises(InputError, match=r'--checkpoint scratch=\.\.\.: a row without pretraining has that name'):
        protocol('object_linear', tmp_path, shapes, [f'scratch={place / "a.pth"}']).check()
    with pytest.raises(InputError, match=r'99-way 1-shot: \d classes have 1 objects to train on'):
        protocol('object_few_shot', tmp_path, shapes, named(place, 'a'), ways=[2, 99], shots=[1]).check()
    with pytest.raises(InputError, match='needs --checkpoint'):
        protocol('object_svm', tmp_path, shapes, []).check()
    with pytest.raises(InputError, match='have no parts'):
        bare = write_set(tmp_path / 'bare', train=2, test=1)
        protocol('object_parts', tmp_path, {'bare': bare}, named(place, 'a')).check()
    with pytest.raises(InputError, match='different encoders'):
        read_object_sources([f'x={place / "a.pth"}', f'x={place / "c.pth"}'])
    with pytest.raises(MissingFileError, match='--data-root nowhere=PATH'):
        read_object_data(['nowhere'], [])
    with pytest.raises(InputError, match='it is not used'):
        read_object_data(['shapes'], [f'shapes={place / "shapes"}', f'other={place}'])
    for names in (['shapes', 'shapes'], ['a/b', 'a_b']):
        with pytest.raises(InputError, match='wanted different sets'):
            read_object_data(names, [])
    with pytest.raises(InputError, match='is given twice'):
        read_object_data(None, [f'shapes={place / "shapes"}', f'shapes={place}'])
    assert read_object_data(['my/shapes'], [f'my_shapes={place}'])[0].root == place  # as the error has it
    (found,) = read_object_data(None, [f'shapes={place / "shapes"}'])
    assert found.record['objects'] == {'train': 18, 'test': 9} and found.format == 'modelnet40'


def test_differences_are_paired_where_seeds_are_shared() -> None:
    paired = compared({'seed 0': 50, 'seed 1': 60}, {'seed 0': 45, 'seed 1': 55})
    assert (paired.mean, paired.low, paired.high) == (5, 5, 5)
    welch = compared({'dual_0': 50, 'dual_1': 60}, {'seed 0': 45, 'seed 1': 55})
    assert welch.mean == 5 and welch.low < 0 < welch.high
    exact = compared({'dual_0': 50, 'dual_1': 60}, {'exact': 40})
    assert exact.mean == 15 and exact.low is not None
    assert compared({'dual_0': 50, 'dual_1': 60}, {'seed 0': 40}).low is None, 'another seed might give another number'
    rows = [
        {'name': 'a', 'title': 'A', 'kind': 'scratch', 'entries': {'x': {'values': {'exact': 40}}}},
        {'name': 'b', 'title': 'B', 'kind': 'pretrained', 'entries': {'x': {'values': {'b_0': 50}}}},
        {'name': 'c', 'title': 'C', 'kind': 'pretrained', 'entries': {}},
    ]
    (one,) = comparisons(rows, {'x': 'X'})
    assert (one['row'], one['against'], one['mean'], one['verdict']) == ('B', 'A', 10, '-')
