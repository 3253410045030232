"""The page of sweeps: what stands in it, and that a real browser opens it, draws, and answers clicks."""

import base64
import json
import re
from pathlib import Path

import numpy as np
import pytest

from dos_mm3d.visualization.viewer import ViewedSweep, viewer_page
from tests.helpers.browser import CHROMIUM, opened

KINDS = ('teacher', 'student')


def sweep(seed: int, n_points: int = 3000) -> ViewedSweep:
    """Two halves, left and right of x = 0, each with features of its own; a loss voxel is a strip of 1 m."""
    generator = np.random.default_rng(seed)
    points = generator.uniform([-10, -10, -1, 0], [10, 10, 1, 1], (n_points, 4)).astype(np.float32)
    cells = np.floor(points[:, 0] + 10).astype(np.int64)
    right = np.arange(20) >= 10
    directions = np.stack((right, ~right, np.zeros(20)), axis=1).astype(np.float32)
    maps = np.stack((right / 10, ~right / 10), axis=1)
    colours = np.tile([0.2, 0.9, 0.4], (20, 1))
    return ViewedSweep(f'sweep {seed}</script>', points, cells, directions, colours, dict.fromkeys(KINDS, maps))


@pytest.fixture(scope='module')
def page_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp('page') / 'features.html'
    prototypes = [{'number': 7, 'share': 0.5}, {'number': 3, 'share': 0.25}]
    path.write_text(viewer_page([sweep(0), sweep(1)], prototypes))
    return path


def test_the_page_holds_the_numbers_and_loads_nothing(page_file: Path) -> None:
    text = page_file.read_text()
    assert not re.search(r'https?:|//[a-z]+\.|import\(|fetch\(|src=', text)
    data = json.loads(re.search(r'<script type="application/json" id="data">(.*?)</script>', text)[1])
    found = data['sweeps'][1]
    places = np.frombuffer(base64.b64decode(found['xyz']), '<i2').reshape(-1, 3) * data['step_m']
    np.testing.assert_allclose(places, sweep(1).points[:, :3], atol=data['step_m'])
    assert data['step_m'] <= 0.01
    np.testing.assert_array_equal(np.frombuffer(base64.b64decode(found['cell']), '<i4'), sweep(1).cell_of_point)
    of_first = np.frombuffer(base64.b64decode(found['softmaps'][0]), 'u1').reshape(2, 20)
    np.testing.assert_array_equal(of_first[0], np.where(np.arange(20) >= 10, 255, 0))


def test_sweeps_that_do_not_belong_together_are_refused() -> None:
    with pytest.raises(ValueError, match='same kinds'):
        viewer_page([])
    with pytest.raises(ValueError, match='1 prototypes'):
        viewer_page([sweep(0)], [{'number': 1, 'share': 1.0}])


@pytest.mark.skipif(CHROMIUM is None, reason='no Chromium here: apt-get install chromium')
def test_a_browser_draws_it_and_a_click_lights_up_what_is_similar(page_file: Path, tmp_path: Path) -> None:
    with opened(page_file, tmp_path, width=1000, height=600) as page:
        boxes = page.value(
            "[...document.querySelectorAll('canvas')].map(c => (({x, y, width, height}) => [x, y, width, height])"
            '(c.getBoundingClientRect()))'
        )
        panes = [tuple(slice(round(at), round(at + size)) for at, size in ((y, h), (x, w))) for x, y, w, h in boxes]
        before = page.screenshot()
        green = (before[..., 1] > 150) & (before[..., 0] < 100)
        assert all(green[pane].mean() > 0.02 for pane in panes), 'a canvas is empty, or not in the colours given'

        x, y, width, height = boxes[0]
        page.click(x + 0.7 * width, y + 0.5 * height)
        said = page.value("document.getElementById('said').textContent")
        place = float(re.search(r'similarity to \((-?[\d.]+),', said)[1])
        assert 0 < place < 10, 'another point was taken than the one that was clicked on'
        after = page.screenshot()
        bright = (after.min(2) > 120) & (after[..., 0] > 200) & (after != before).any(2)
        for pane in panes:  # in the other sweep, too, and only on the side that is like it
            lit = bright[pane]
            middle = lit.shape[1] // 2
            assert lit[:, middle + 20 :].mean() > 0.02
            assert lit[:, : middle - 20].mean() < 0.002
            assert page.value("[...document.querySelectorAll('.mark')].every(m => m.style.display === 'block')")

        page.value("(document.getElementById('mode').value = 'student', paint(), 1)")
        page.settle()
        first = page.screenshot()
        page.value("(document.getElementById('prototype').value = 1, paint(), 1)")
        page.settle()
        second = page.screenshot()
        lit = [(shot[panes[0]][..., 0] > 200).mean(0) for shot in (first, second)]
        middle = len(lit[0]) // 2
        assert lit[0][middle + 20 :].mean() > 10 * lit[0][: middle - 20].mean()
        assert lit[1][: middle - 20].mean() > 10 * lit[1][middle + 20 :].mean()
        assert '3, nearest to 25.0 %' in page.value("document.querySelector('output').textContent")

        page.drag(x + 0.3 * width, y + 0.5 * height, x + 0.6 * width, y + 0.5 * height)
        assert (page.screenshot()[panes[1]] != second[panes[1]]).any(), 'the panes do not turn together'
        assert page.complaints == []
