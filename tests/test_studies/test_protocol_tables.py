"""The numbers of the table, worked out by hand, and that rows on different points are refused."""

from pathlib import Path
from statistics import fmean, stdev

import numpy as np
import pytest

from dos_mm3d.files import write_json
from dos_mm3d.studies.protocols.base import ProtocolArguments, entry, row
from dos_mm3d.studies.protocols.cross_domain import CrossDomain, common_range, in_domain
from dos_mm3d.studies.protocols.datasets import DATASETS
from dos_mm3d.studies.protocols.figure import draw_protocol
from dos_mm3d.studies.protocols.gains import gain_table, gains
from dos_mm3d.studies.protocols.probe_cell import rows_record
from dos_mm3d.studies.protocols.probing import probe_entry, require_same_points
from dos_mm3d.studies.protocols.sources import Source
from dos_mm3d.studies.protocols.table import full_text, main_table
from tests.helpers.protocol_fakes import target, tiny_source
from tools import build_tables

ROOT = Path(__file__).resolve().parents[2]

A = {'miou': [20.0, 30.0], 'per_class': {'car': [40.0, 50.0], 'bus': [None, None]}, 'confusion': [[3, 1], [0, 0]]}
B = {'miou': [26.0, 40.0], 'per_class': {'car': [46.0, 60.0], 'bus': [None, None]}, 'confusion': [[2, 2], [0, 0]]}
RESULTS = {'c0': {'rows': {'dos': {'k1': A}}}, 'c1': {'rows': {'dos': {'k1': B}}}}
LABELS = {'c0': 'run 0', 'c1': 'run 1', 'c2': 'run 2'}


def matrix(correct: int, wrong: int) -> np.ndarray:
    return np.array([[correct, wrong], [0, 10]])


def test_an_entry_averages_draws_within_networks_and_networks_within_draws() -> None:
    over_draws = probe_entry(RESULTS, LABELS, 'dos', 'k1', sd_over='draws')
    assert over_draws['values'] == {'draw 0': 23.0, 'draw 1': 35.0}
    assert (over_draws['mean'], over_draws['sd']) == (29.0, pytest.approx(stdev([23, 35])))
    over_networks = probe_entry(RESULTS, LABELS, 'dos', 'k1', sd_over='networks')
    assert over_networks['values'] == {'run 0': 25.0, 'run 1': 33.0}
    assert (over_networks['mean'], over_networks['sd']) == (29.0, pytest.approx(stdev([25, 33])))
    for found in (over_draws, over_networks):
        assert found['sd_networks'] == pytest.approx(stdev([25, 33]))
        assert found['sd_draws'] == pytest.approx(stdev([23, 35]))
        assert found['per_class'] == {'car': fmean([40, 50, 46, 60]), 'bus': None}
        assert found['confusion'] == [[5, 3], [0, 0]]
    assert probe_entry({}, LABELS, 'dos', 'k1', sd_over='draws') is None


def test_confusions_are_cut_into_columns_in_the_order_of_the_draws() -> None:
    draws = {'k1': [[0], [1]], 'k2': [[0, 1]]}
    found = rows_record([matrix(5, 5), matrix(10, 0), matrix(8, 2)], draws, ('a', 'b'))
    # IoU of a: correct / 10; of b: 10 / (10 + wrong)
    assert found['k1']['miou'] == pytest.approx([(50 + 100 * 10 / 15) / 2, 100])
    assert found['k2']['per_class'] == {'a': [pytest.approx(80)], 'b': [pytest.approx(100 * 10 / 12)]}
    assert found['k1']['confusion'] == [[15, 5], [0, 20]]


def record(**changes: object) -> dict:
    rows = [
        row('raw', 'raw input', 'scratch', {'m': entry({'': 12.0}, sd_over='networks', draws=[11, 13], sd_draws=1)}),
        row('dos', 'DOS', 'pretrained', {'m': probe_entry(RESULTS, LABELS, 'dos', 'k1', sd_over='networks')}),
        row('late', 'not yet', 'pretrained', {}),
    ]  # fmt: skip
    source = {'sha256': 'ab' * 32, 'pretrained_on': 'synthetic', 'steps': 7, 'seed': 0}
    content = dict(
        protocol='p', title='P', metric='mIoU [%]', axis='', plot='dots', log_x=False, split='validation',
        complete=False, datasets=[{'title': 'D'}], sources=[source], rows=rows, notes=['A note.'],
        columns=[{'name': 'm', 'title': 'mIoU', 'x': 1.0, 'facts': {'labelled_frames': [5, 5], 'sequences': [2, 3]}}],
        cells=[{'name': 'c0', 'status': 'failed', 'message': 'no | room', 'seconds': 3600.0}],
        commits=['c' * 40], machine={'device': 'cpu'}, versions={'torch': '2'},
    )  # fmt: skip
    return content | changes


def test_the_table_says_what_the_record_holds() -> None:
    lines = main_table(record()).splitlines()
    assert lines[2:] == [
        '| raw input | 12.0 | 1.0 | 1 |',
        f'| DOS | 29.0 ± {stdev([25, 33]):.1f} | {stdev([23, 35]):.1f} | 2 |',
        '| not yet | not run | - | - |',
    ]
    text = full_text(record())
    for part in (
        '(incomplete)',
        'labelled frames 5; sequences 2, 3',
        'A note.',
        '1.00 h',
        'no \\| room',
        '| car | 49.0 |',
    ):
        assert part in text, part


@pytest.mark.parametrize('plot', ['dots', 'curve', 'matrix'])
def test_a_picture_of_every_kind_has_all_rows_with_numbers(plot: str) -> None:
    figure = draw_protocol(record(plot=plot))
    axis = figure.axes[0]
    texts = [
        t.get_text() for t in (*axis.get_yticklabels(), *(axis.get_legend().get_texts() if axis.get_legend() else ()))
    ]
    assert {'raw input', 'DOS'} <= set(texts)
    assert 'not yet' not in texts


@pytest.mark.filterwarnings('error')
@pytest.mark.parametrize('plot', ['dots', 'curve', 'matrix'])
def test_a_column_that_is_not_run_yet_is_no_obstacle(plot: str) -> None:
    columns = [*record()['columns'], {'name': 'n', 'title': 'later', 'x': 2.0, 'facts': {}}]
    figure = draw_protocol(record(plot=plot, columns=columns))
    texts = [text.get_text() for text in figure.axes[0].texts]
    assert texts.count('not run') == (2 if plot == 'matrix' else 0)


def test_a_picture_of_nothing_is_refused() -> None:
    with pytest.raises(ValueError, match='no row has a number yet'):
        draw_protocol(record(rows=[]))
    with pytest.raises(ValueError, match="plot is 'pie', wanted one of dots"):
        draw_protocol(record(plot='pie'))


def test_rows_on_other_points_are_refused() -> None:
    same = {'columns': {'k1': {'draws': [['a']]}}, 'scored_points': [1, 2]}
    require_same_points([same, dict(same)], 'D')
    require_same_points([], 'D')
    with pytest.raises(ValueError, match='D: the rows were not scored on the same points'):
        require_same_points([same, {**same, 'scored_points': [1, 3]}], 'D')
    with pytest.raises(ValueError, match='D: the rows were not trained on the same points'):
        require_same_points([same, {**same, 'columns': {'k1': {'draws': [['b']]}}}], 'D')


def cross_domain(*sources: Source) -> CrossDomain:
    datasets = tuple(DATASETS[source.dataset] for source in sources)
    options = {'scans': 1, 'draws': 1, 'bn_scans': 1, 'points_per_class': 1, 'scored_scans': None}
    return CrossDomain(ProtocolArguments(datasets, sources, options, out=Path(), seeds=1, split='test'))


def test_only_the_in_domain_entry_is_marked() -> None:
    box_m = [-10, -10, -3, 10, 10, 3]
    sources = [
        tiny_source('synthetic', box_m, ground_z_m=-1.84), tiny_source('synthetic_waymo', box_m, ground_z_m=0.0)
    ]  # fmt: skip
    results = {}
    for source in sources:
        for name in ('synthetic', 'synthetic_waymo'):
            columns = {name: {'draws': [['a'], ['b']], 'labelled_frames': [1, 1], 'sequences': [1, 1]}}
            rows = {'dos': {name: A}, 'dos_adapted': {name: B}}
            results[f'{name}_from_{source.name}'] = {'columns': columns, 'scored_points': [4, 0], 'rows': rows}
    protocol = cross_domain(*sources)
    rows = {found['name']: found['entries'] for found in protocol.rows(results)}
    assert rows['raw'] == rows['random_' + sources[0].encoder_hash[:6]] == {}
    for dataset, other in (('synthetic', 'synthetic_waymo'), ('synthetic_waymo', 'synthetic')):
        for features, mean in (('dos', 25), ('dos_adapted', 33)):
            entries = rows[f'{features}_{dataset}']
            assert (entries[dataset]['in_domain'], 'in_domain' in entries[other]) == (True, False)
            assert entries[other]['mean'] == mean
    assert protocol.more(results) == {'drawn_scans': {'synthetic': [['a'], ['b']], 'synthetic_waymo': [['a'], ['b']]}}
    assert [column.facts['sequences'] for column in protocol.columns(results)] == [[1, 1], [1, 1]]


def test_points_count_where_every_encoder_sees() -> None:
    near = tiny_source('synthetic', [-10, -10, -3, 10, 10, 3], ground_z_m=-1.84)
    far = tiny_source('synthetic_semantickitti', [-20, -5, -3, 20, 5, 3], ground_z_m=-1.73)
    assert common_range([near, near], target(-1.84)) is None
    # what lies ahead of KITTI's sensor, along x, lies along y of the target
    assert common_range([near, far], target(-1.73)) == pytest.approx((-4.999, -9.999, -2.889, 4.999, 9.999, 2.999))
    apart = tiny_source('synthetic', [30, -10, -3, 40, 10, 3], ground_z_m=-1.84)
    with pytest.raises(ValueError, match='nothing in common'):
        common_range([near, apart], target(-1.84))
    assert list(cross_domain(near, far).encoders.values()) == [near, far]


def test_every_record_of_a_protocol_has_its_section(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(build_tables, 'RECORDS', tmp_path)
    assert build_tables.protocol_sections() == 'Protocols: not run.'
    write_json(tmp_path / 'p_d_test.json', record(title='P'))
    write_json(tmp_path / 'ladder_test.json', {'protocol': 'ladder'})
    sections = build_tables.protocol_sections()
    assert sections.count('### ') == 1
    assert '### P: D' in sections
    assert main_table(record()) in sections


def test_baselines_are_fed_as_the_encoder_of_their_own_data_whatever_the_order() -> None:
    box_m = [-10, -10, -3, 10, 10, 3]
    kitti = tiny_source('synthetic_semantickitti', box_m, ground_z_m=-1.73)
    nuscenes = tiny_source('synthetic', box_m, ground_z_m=-1.84)
    for sources in ([kitti, nuscenes], [nuscenes, kitti]):
        assert in_domain(sources, DATASETS['synthetic']) is nuscenes
        assert in_domain(sources, DATASETS['synthetic_semantickitti']) is kitti
        assert in_domain(sources, DATASETS['synthetic_waymo']) is nuscenes


def test_what_pretraining_adds_is_counted_from_the_best_row_without_it():
    def part(*values: float) -> dict:
        return {'k1': entry({'draw 0': fmean(values)}, sd_over='draws', networks=dict(enumerate(values)))}

    rows = [
        row('raw', 'raw input', 'scratch', part(20.0)),
        row('handcrafted', 'hand-crafted + raw', 'scratch', part(30.0)),
        row('random_raw', 'random + raw', 'scratch', part(25.0, 29.0)),
        row('dos', 'DOS (teacher)', 'pretrained', part(31.0, 29.0, 33.0)),
        row('dos_raw_handcrafted', 'DOS + raw + hand-crafted', 'pretrained', part(36.0, 35.0, 37.0)),
    ]
    first, second = gains(rows, {'k1': '1 scan', 'k4': '4 scans'})
    assert (first['row'], first['against'], first['mean'], first['n']) == ('DOS (teacher)', rows[1]['title'], 1.0, 3)
    assert first['verdict'] == 'does not separate' and second['verdict'] == 'separates'
    half = 4.302653 * 1.0 / 3**0.5  # Student's t at 97.5 %, two degrees of freedom
    assert (second['low'], second['high']) == pytest.approx((6 - half, 6 + half), abs=1e-4)
    text = gain_table({'gains': [first, second]})
    assert '| 1 scan | DOS + raw + hand-crafted | hand-crafted + raw | +6.0 [+3.5, +8.5] | 3 | separates |' in text
    assert gains(rows[:3], {'k1': '1 scan'}) == [] and gain_table({}) == ''
    (alone,) = gains([*rows[:2], row('dos', 'DOS', 'pretrained', part(33.0))], {'k1': '1 scan'})
    assert (alone['mean'], alone['low'], alone['n']) == (3.0, None, 1)
