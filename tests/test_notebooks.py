"""The notebooks run from their first cell to their last, in a tiny form."""

import json
import math
from pathlib import Path

import pytest
from matplotlib import pyplot as plt

from tests.helpers.notebooks import code_of, run_notebook

FOLDER = Path(__file__).resolve().parents[1] / 'docs' / 'notebooks'
NOTEBOOKS = sorted(FOLDER.glob('*.ipynb'))


@pytest.fixture(autouse=True)
def no_window(monkeypatch: pytest.MonkeyPatch) -> None:
    """Pictures are drawn without a screen; a notebook may change the folder that it works in."""
    plt.switch_backend('agg')
    monkeypatch.setattr(plt, 'show', lambda: None)
    monkeypatch.chdir(Path.cwd())
    yield
    plt.close('all')


def test_dos_on_one_scan_in_three_steps() -> None:
    names = run_notebook(FOLDER / 'dos_on_one_scan.ipynb', STEPS=3)
    for run in (names['healthy'], names['collapsed']):
        assert len(run.log['loss']) == 3 and all(math.isfinite(value) for value in run.log['loss'])
    assert len(plt.get_fignums()) == names['PICTURES']


@pytest.mark.slow
def test_what_the_text_says_of_both_runs_is_so() -> None:
    names = run_notebook(FOLDER / 'dos_on_one_scan.ipynb')
    healthy, collapsed = (names[name].log for name in ('healthy', 'collapsed'))
    assert collapsed['loss'][-1] < 0.1 * healthy['loss'][-1]
    assert collapsed['cosine_std'][-1] < 0.02 < 0.18 < healthy['cosine_std'][-1]


@pytest.mark.slow
def test_from_a_folder_to_a_detector(synthetic_nuscenes: Path, tmp_path: Path) -> None:
    names = run_notebook(
        FOLDER / 'folder_to_detector.ipynb',
        DATA=synthetic_nuscenes,
        WORK_DIR=tmp_path,
        PRETRAIN_STEPS=2,
        DETECTOR_STEPS=2,
    )
    assert list(names['scores']) == ['from scratch', 'from weights that ship', 'from your sweeps']
    assert all('NDS' in ''.join(score) for score in names['scores'].values())
    assert (tmp_path / 'backbone.pth').is_file()


@pytest.mark.parametrize('notebook', NOTEBOOKS, ids=lambda notebook: notebook.stem)
def test_a_notebook_is_plain_python_and_holds_nothing_that_was_generated(notebook: Path) -> None:
    cells = json.loads(notebook.read_text())['cells']
    assert all(not cell['outputs'] and cell['execution_count'] is None for cell in cells if cell['cell_type'] == 'code')
    for code in code_of(notebook):
        compile(code, notebook.name, 'exec')
