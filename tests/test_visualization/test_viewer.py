"""The page of sweeps: what stands in it, and that a real browser opens it, draws, and answers clicks."""

import base64
import json
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from dos_mm3d.visualization.labelled import class_colours
from dos_mm3d.visualization.viewed import ViewedBox, ViewedFeatures, ViewedSweep, Words
from dos_mm3d.visualization.viewer import viewer_page
from tests.helpers.browser import CHROMIUM, Page, opened

KINDS = ('teacher', 'student')
PROTOTYPES = [{'number': 7, 'share': 0.5}, {'number': 3, 'share': 0.25}]
NAMES = ('grass', 'wall & roof', 'never there')
WORDS = Words(prototypes=PROTOTYPES, categories={'label': NAMES})
needs_browser = pytest.mark.skipif(CHROMIUM is None, reason='no Chromium here: apt-get install chromium')


def cloud(seed: int, n_points: int = 3000) -> np.ndarray:
    generator = np.random.default_rng(seed)
    return generator.uniform([-10, -10, -1, 0], [10, 10, 1, 1], (n_points, 4)).astype(np.float32)


def sweep(seed: int) -> ViewedSweep:
    """Two halves, left and right of x = 0, each with features of its own; a loss voxel is a strip of 1 m."""
    points = cloud(seed)
    cells = np.floor(points[:, 0] + 10).astype(np.int64)
    right = np.arange(20) >= 10
    directions = np.stack((right, ~right, np.zeros(20)), axis=1).astype(np.float32)
    maps = np.stack((right / 10, ~right / 10), axis=1)
    features = ViewedFeatures(cells, directions, np.tile([0.2, 0.9, 0.4], (20, 1)), dict.fromkeys(KINDS, maps))
    labels = np.where(points[:, 1] > 5, -1, points[:, 0] > 0)
    return ViewedSweep(f'sweep {seed}</script>', points, features, {'label': labels})


@pytest.fixture(scope='module')
def page_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp('page') / 'features.html'
    path.write_text(viewer_page([sweep(0), sweep(1)], WORDS))
    return path


def content(text: str) -> dict[str, Any]:
    """The numbers in a page."""
    return json.loads(re.search(r'<script type="application/json" id="data">(.*?)</script>', text)[1])


def test_the_page_holds_the_numbers_and_loads_nothing(page_file: Path) -> None:
    text = page_file.read_text()
    assert not re.search(r'https?:|//[a-z]+\.|import\(|fetch\(|src=', text)
    data = content(text)
    found = data['sweeps'][1]
    places = np.frombuffer(base64.b64decode(found['xyz']), '<i2').reshape(-1, 3) * data['step_m']
    np.testing.assert_allclose(places, cloud(1)[:, :3], atol=data['step_m'])
    assert data['step_m'] <= 0.01
    cells = np.frombuffer(base64.b64decode(found['cell']), '<i4')
    np.testing.assert_array_equal(cells, sweep(1).features.cell_of_point)
    of_first = np.frombuffer(base64.b64decode(found['softmaps'][0]), 'u1').reshape(2, 20)
    np.testing.assert_array_equal(of_first[0], np.where(np.arange(20) >= 10, 255, 0))
    labels = np.frombuffer(base64.b64decode(found['categories'][0]), 'u1').astype(int)
    np.testing.assert_array_equal(np.where(labels == 255, -1, labels), sweep(1).categories['label'])


@pytest.mark.parametrize(
    ('sweeps', 'words', 'said'),
    [
        ([], WORDS, 'got none'),
        ([sweep(0)], Words(prototypes=PROTOTYPES[:1], categories={'label': NAMES}), '1 prototypes'),
        ([sweep(0)], Words(prototypes=PROTOTYPES), r"has categories \['label'\]"),
        ([sweep(0), ViewedSweep('bare', cloud(0), categories=sweep(0).categories)], WORDS, 'same features'),
        ([sweep(0)], Words(prototypes=PROTOTYPES, categories={'label': ['x'] * 256}), '256 names'),
        ([ViewedSweep('bare', cloud(0))], Words(boxes={'true': (0, 255, 0)}), '0 groups of boxes'),
    ],
)
def test_what_does_not_belong_together_is_refused(sweeps, words, said) -> None:
    with pytest.raises(ValueError, match=said):
        viewer_page(sweeps, words)


def panes_of(page: Page) -> list[tuple[slice, slice]]:
    """Rows and columns of each canvas in a screenshot."""
    boxes = page.boxes('canvas')
    return [tuple(slice(round(at), round(at + size)) for at, size in ((y, h), (x, w))) for x, y, w, h in boxes]


@needs_browser
def test_a_browser_draws_it_and_a_click_lights_up_what_is_similar(page_file: Path, tmp_path: Path) -> None:
    with opened(page_file, tmp_path, width=1280, height=700) as page:
        panes = panes_of(page)
        before = page.screenshot()
        green = (before[..., 1] > 150) & (before[..., 0] < 100)
        assert len(panes) == 2
        assert all(green[pane].mean() > 0.02 for pane in panes), 'a canvas is empty, or not in the colours given'

        x, y, width, height = page.boxes('canvas')[0]
        page.click(x + 0.7 * width, y + 0.5 * height)
        place, others = re.search(
            r'similarity to \((-?[\d.]+),.*sweep 0</script>.*(blue rings.*)', page.text('#said')
        ).groups()
        assert 0 < float(place) < 10, 'another point was taken than the one that was clicked on'
        assert others.count(') m 1.00') == 5
        after = page.screenshot()
        bright = (after.min(2) > 120) & (after[..., 0] > 200) & (after != before).any(2)
        for pane in panes:  # in the other sweep, too, and only on the side that is like it
            lit = bright[pane]
            middle = lit.shape[1] // 2
            assert lit[:, middle + 20 :].mean() > 0.02
            assert lit[:, : middle - 20].mean() < 0.002
        assert len(page.boxes('.mark')) == 1 + 5

        page.choose('mode', 'student')
        shots = [page.screenshot()]
        page.choose('prototype', '1')
        shots.append(page.screenshot())
        lit = [(shot[panes[0]][..., 0] > 200).mean(0) for shot in shots]
        middle = len(lit[0]) // 2
        assert lit[0][middle + 20 :].mean() > 10 * lit[0][: middle - 20].mean()
        assert lit[1][: middle - 20].mean() > 10 * lit[1][middle + 20 :].mean()
        assert '3, nearest to 25.0 %' in page.text('#prototypes output')
        rings = [at + size / 2 for at, _, size, _ in page.boxes('.mark')]
        assert len(rings) == 10, 'the places that use a prototype most have no rings'
        middles = [at + wide / 2 for at, _, wide, _ in page.boxes('canvas')]
        assert all(ring < middles[i // 5] for i, ring in enumerate(rings)), 'rings are where the softmap is dark'

        page.drag(x + 0.3 * width, y + 0.5 * height, x + 0.6 * width, y + 0.5 * height)
        assert (page.screenshot()[panes[1]] != shots[1][panes[1]]).any(), 'the panes do not turn together'
        assert page.complaints == []


@needs_browser
def test_labels_and_a_narrow_screen(page_file: Path, tmp_path: Path) -> None:
    with opened(page_file, tmp_path, width=390, height=800) as page:
        page.choose('mode', 'label')
        assert [
            page.value(f"document.querySelectorAll('#legend span')[{i}]?.textContent ?? null") for i in range(3)
        ] == [
            'grass',
            'wall & roof',
            None,
        ]
        pixels = page.screenshot()[panes_of(page)[0]].astype(int)
        near = [(abs(pixels - colour * 255).max(2) < 3).mean() for colour in class_colours(len(NAMES))]
        assert near[0] > 0.01 and near[1] > 0.01 and near[2] == 0
        one, other = page.boxes('canvas')
        assert other[1] > one[1] + one[3] - 1, 'the sweeps do not stand below each other'
        assert page.value('document.documentElement.scrollWidth') <= 390
        metres = page.value('view.distance')
        page.pinch(one[0] + 100, one[1] + 100, 40, 80)
        assert page.value('view.distance') == pytest.approx(metres / 2, rel=0.05)
        assert page.complaints == []


@needs_browser
def test_boxes_without_features(tmp_path: Path) -> None:
    points = np.zeros((2000, 4), np.float32)
    points[:, :2] = np.random.default_rng(0).uniform(-10, 10, (2000, 2))
    box = ViewedBox((0, 0, 0, 8, 4, 2, np.pi / 2), 'car 0.80', 0.8)  # along y
    frame = ViewedSweep('frame', points, boxes=[[box]])
    path = tmp_path / 'boxes.html'
    path.write_text(viewer_page([frame], Words(boxes={'predicted': (250, 60, 20)}, score=0.3)))
    (tmp_path / 'profile').mkdir()
    with opened(path, tmp_path / 'profile', width=700, height=700) as page:
        (x, y, width, height) = page.boxes('canvas')[0]
        assert len(page.boxes('canvas')) == 1, 'one sweep stands beside nothing'

        def red() -> np.ndarray:
            shot = page.screenshot()[panes_of(page)[0]].astype(int)
            return np.argwhere((shot[..., 0] > 200) & (shot[..., 1] < 100))

        tall, wide = np.ptp(red(), axis=0)
        assert tall > wide > 20, 'the box does not lie along y'
        page.click(x + width / 2, y + height / 2)
        assert 'predicted: car 0.80' in page.text('#said')
        assert 'predicted: 1' in page.text('#legend')
        page.choose('score', '0.85')
        assert len(red()) == 0
        assert page.complaints == []
