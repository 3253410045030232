"""Broken sweeps of every format: read right, or refused with a named error; never another exception, a hang, ten times
the file in memory, or code of a file that is run."""

from pathlib import Path

import numpy as np
import pytest

from dos_mm3d.datasets.folder import find_sweeps
from dos_mm3d.datasets.readers import ReadOptions, is_sweep_file, read_sweep
from dos_mm3d.datasets.readers.ply import read_mesh
from dos_mm3d.datasets.transforms.points import read_normals
from tests.helpers.broken_sweeps import BROKEN, MARKER
from tests.helpers.fuzz import put, right_or_named, try_all

LENGTHS = [pytest.param(300, id='short'), pytest.param(10_000, id='long', marks=pytest.mark.slow)]


def check_right(sweep: np.ndarray) -> None:
    """AssertionError unless it is a table that can be trained on."""
    assert sweep.dtype == np.float32 and sweep.shape[1] == 4 and len(sweep)
    assert np.isfinite(sweep).all() and (sweep[:, 3] >= 0).all()
    assert sweep[:, :3].any(1).all()


@pytest.mark.filterwarnings('ignore:loadtxt. input contained no data')
@pytest.mark.parametrize('examples', LENGTHS)
@pytest.mark.parametrize('reader', sorted(BROKEN))
def test_readers(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, reader: str, examples: int) -> None:
    monkeypatch.chdir(tmp_path)
    outcomes = []

    def check(example: tuple[str, bytes]) -> None:
        path = tmp_path / f'a{example[0]}'
        size = put(path, example[1])
        outcomes.append(right_or_named(lambda: check_right(read_sweep(path, missing_intensity='zero')), size))
        right_or_named(lambda: is_sweep_file(str(path), ReadOptions()), size)
        right_or_named(lambda: find_sweeps(str(tmp_path)), size)
        if reader == 'ply':
            right_or_named(lambda: read_mesh(str(path)), size)

    try_all(BROKEN[reader], examples, check)
    assert not (tmp_path / MARKER).exists(), 'code of a file was run'
    assert {True, False} <= set(outcomes), 'inputs of one kind only'


@pytest.mark.parametrize('examples', LENGTHS)
def test_normals(tmp_path: Path, examples: int) -> None:
    (tmp_path / 'normals').mkdir()
    path = tmp_path / 'normals/a.bin'

    def check(example: tuple[str, bytes]) -> None:
        size = put(path, example[1])
        taken = right_or_named(lambda: read_normals(str(tmp_path / 'points/a.bin'), 160), size)
        assert taken == (size == 160 * 12)

    try_all(BROKEN['bin'], examples, check)
