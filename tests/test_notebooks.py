"""The notebooks run from their first cell to their last, in a tiny form."""

import json
import math
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from matplotlib import pyplot as plt

from tests.helpers.notebooks import code_of, run_notebook

FOLDER = Path(__file__).resolve().parents[1] / 'docs' / 'notebooks'
NOTEBOOKS = sorted(FOLDER.glob('*.ipynb'))


@pytest.fixture(autouse=True)
def no_window(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Pictures are drawn without a screen; a notebook may change the folder that it works in."""
    plt.switch_backend('agg')
    monkeypatch.setattr(plt, 'show', lambda: None)
    monkeypatch.chdir(Path.cwd())
    yield
    plt.close('all')


def test_dos_on_one_scan_in_three_steps(tmp_path: Path) -> None:
    """On a sweep of the user's own: a road, and two walls."""
    random = np.random.default_rng(0)
    road = np.c_[random.uniform(-20, 20, (2000, 2)), random.normal(-1.7, 0.02, 2000)]
    wall = np.c_[random.uniform(-20, 20, 1000), random.choice([-9, 7], 1000), random.uniform(-1.7, 3, 1000)]
    points = np.concatenate((road, wall))
    np.save(tmp_path / 'sweep.npy', np.c_[points, random.uniform(0, 1, len(points))].astype(np.float32))
    names = run_notebook(FOLDER / 'dos_on_one_scan.ipynb', STEPS=3, SWEEP=tmp_path / 'sweep.npy')
    for run in (names['healthy'], names['collapsed']):
        assert len(run.log['loss']) == 3 and all(math.isfinite(value) for value in run.log['loss'])
    assert len(plt.get_fignums()) == 4


@pytest.mark.slow
def test_what_the_text_says_of_both_runs_is_so() -> None:
    """On the scan that the notebook draws, at its own length."""
    names = run_notebook(FOLDER / 'dos_on_one_scan.ipynb')
    healthy, collapsed = (names[name].log for name in ('healthy', 'collapsed'))
    assert healthy['loss'][-1] > healthy['loss'][0] and healthy['entropy'][-1] < healthy['entropy'][0]
    assert collapsed['loss'][-1] < 0.01 * healthy['loss'][-1]
    assert collapsed['spread'][-1] < 0.1 < healthy['spread'][-1] and collapsed['entropy'][-1] > 0.995
    assert collapsed['rank'][-1] > collapsed['rank'][0] and collapsed['rank'][-1] > healthy['rank'][-1]
    assert collapsed['cosines'][-1] > 0.9 * collapsed['cosines'][0]


@pytest.mark.slow
def test_from_a_folder_to_a_detector(synthetic_nuscenes: Path, tmp_path: Path) -> None:
    tiny = dict(DATA=synthetic_nuscenes, WORK_DIR=tmp_path, PRETRAIN_STEPS=2, DETECTOR_STEPS=2, LABELLED_SCENES=2)
    names = run_notebook(FOLDER / 'folder_to_detector.ipynb', **tiny)
    assert list(names['scores']) == ['from scratch', 'from weights that ship', 'from your sweeps']
    assert all('NDS' in ''.join(score) for score in names['scores'].values())
    assert (tmp_path / 'backbone.pth').is_file()


@pytest.mark.parametrize('notebook', NOTEBOOKS, ids=lambda notebook: notebook.stem)
def test_a_notebook_is_plain_python_and_holds_nothing_that_was_generated(notebook: Path) -> None:
    cells = json.loads(notebook.read_text())['cells']
    assert all(not cell['outputs'] and cell['execution_count'] is None for cell in cells if cell['cell_type'] == 'code')
    for code in code_of(notebook):
        compile(code, notebook.name, 'exec')
