"""Recordings for Rerun: with the real package, where it is installed; and what is said where it is not."""

import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from dos_mm3d.visualization.rerun_file import colourings, holds_recording, load_rerun, rerun_recording
from dos_mm3d.visualization.shades import heat
from dos_mm3d.visualization.viewed import ViewedBox, ViewedFeatures, ViewedSweep, Words

POINTS = np.random.default_rng(0).uniform(0, 10, (50, 4)).astype(np.float32)
WORDS = Words(categories={'label': ['road', 'car']}, boxes={'true boxes': (0, 255, 0), 'predicted': (255, 0, 0)})


@pytest.fixture
def sweep() -> ViewedSweep:
    cells = np.arange(50) % 5
    features = ViewedFeatures(cells, np.eye(5), np.linspace(0, 1, 15).reshape(5, 3))
    boxes = [[ViewedBox((1, 2, 0, 4, 2, 1.5, 0.5), 'car 0.9', 0.9)], []]
    return ViewedSweep('first scan/of.bin', POINTS, features, {'label': np.arange(50) % 3 - 1}, boxes)


def test_a_point_has_the_colour_of_its_loss_voxel_and_of_its_class(sweep: ViewedSweep) -> None:
    found = dict(colourings(sweep, WORDS))
    assert list(found) == ['PCA', 'label', 'intensity']
    np.testing.assert_array_equal(found['PCA'][7], sweep.features.colours[2])
    unlabelled, road, car = found['label'][:3]
    assert len({tuple(colour) for colour in (unlabelled, road, car)}) == 3
    np.testing.assert_array_equal(found['label'][3], unlabelled)


def test_a_recording_holds_points_colours_and_boxes(sweep: ViewedSweep, tmp_path: Path) -> None:
    rerun = pytest.importorskip('rerun', reason='Rerun is not installed: pip install "dos_mm3d[rerun]"')
    path = tmp_path / 'a.rrd'
    path.write_bytes(rerun_recording([sweep], WORDS))
    assert holds_recording(path)
    recording = rerun.dataframe.load_recording(path)
    root = '/0_first_scan_of.bin'
    paths = {column.entity_path for column in recording.schema().component_columns()}
    assert {f'{root}/{name}' for name in ('PCA', 'label', 'intensity', 'true_boxes', 'predicted')} <= paths
    table = recording.view(index='log_time', contents=f'{root}/**').select_static().read_all()
    places = table[f'{root}/PCA:Position3D'].combine_chunks()[0].as_py()
    np.testing.assert_allclose(places, POINTS[:, :3])
    colours = np.array(table[f'{root}/PCA:Color'].combine_chunks()[0].as_py())  # 0xRRGGBBAA
    wanted = np.round(sweep.features.colours[sweep.features.cell_of_point] * 255).astype(int)
    np.testing.assert_array_equal(colours >> 24, wanted[:, 0])
    np.testing.assert_array_equal(colours >> 8 & 255, wanted[:, 2])
    np.testing.assert_allclose(table[f'{root}/true_boxes:HalfSize3D'].combine_chunks()[0].as_py(), [[2, 1, 0.75]])


def test_softmaps_lie_on_a_timeline_of_prototypes(sweep: ViewedSweep, tmp_path: Path) -> None:
    """Of three prototypes the first two; one of them is bright in the other sweep alone, whose shades are the same."""
    rerun = pytest.importorskip('rerun', reason='Rerun is not installed: pip install "dos_mm3d[rerun]"')
    maps = np.arange(15.0).reshape(5, 3) / 100
    ours = replace(sweep.features, softmaps={'teacher': maps, 'student': maps[::-1]})
    brighter = replace(sweep.features, softmaps={'teacher': maps * [1, 4, 1], 'student': maps})
    words = replace(WORDS, prototypes=[{'number': number, 'share': 0.1} for number in (17, 3, 5)])
    path = tmp_path / 'a.rrd'
    both = [replace(sweep, features=own) for own in (ours, brighter)]
    path.write_bytes(rerun_recording(both, words, n_softmaps=2))
    entity = '/0_first_scan_of.bin/softmaps/teacher'
    recording = rerun.dataframe.load_recording(path)
    assert entity.replace('teacher', 'student') in {one.entity_path for one in recording.schema().component_columns()}
    table = recording.view(index='prototype', contents=entity).select().read_all()
    assert table['prototype'].to_pylist() == [3, 17]
    colours = np.array(table[f'{entity}:Color'].to_pylist())  # 0xRRGGBBAA
    for row, column, top in ((0, 1, 4 * 0.13), (1, 0, 0.12)):
        wanted = np.round(255 * heat(np.sqrt(maps[:, column] / top)[sweep.features.cell_of_point]))
        np.testing.assert_array_equal(colours[row] >> 24, wanted[:, 0])
        np.testing.assert_array_equal(colours[row] >> 8 & 255, wanted[:, 2])
    places = recording.view(index='prototype', contents=entity).select_static().read_all()
    np.testing.assert_allclose(places[f'{entity}:Position3D'].combine_chunks()[0].as_py(), POINTS[:, :3])


def test_without_rerun_a_sentence_says_what_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, 'rerun', None)
    with pytest.raises(ValueError, match=r'Rerun is not installed .*pip install "dos_mm3d\[rerun\]"'):
        load_rerun()
