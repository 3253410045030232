"""Cells of small scripts, and studies of them."""

import sys
from pathlib import Path

from dos_mm3d.studies.runner import Cell, Study

APPEND = 'import pathlib, sys; path = pathlib.Path(sys.argv[1]); path.open("a").write(sys.argv[2])'
FAIL = 'raise SystemExit("error: no room left")'
COLLAPSE = 'raise SystemExit("error: pretraining has collapsed at iteration 7: constant features.")'


def python(code: str, *arguments: object) -> list[str]:
    return [sys.executable, '-S', '-c', code, *map(str, arguments)]


def appending(name: str, log: Path, **more: object) -> Cell:
    """A cell that appends its name to a file."""
    return Cell(name, {'name': name}, lambda folder: [python(APPEND, log, name)], **more)


def ending(name: str, code: str, **more: object) -> Cell:
    """A cell whose only command runs a piece of code."""
    return Cell(name, {'name': name}, lambda folder: [python(code)], **more)


def run(out: Path, *cells: Cell, workers: int = 1, retry_failed: bool = False, **more: object) -> Study:
    study = Study(cells, out, title='study', retry_failed=retry_failed)
    with study.locked() as children:
        study.run(children, workers=workers, **more)
    return study


def statuses(study: Study) -> dict[str, str]:
    return {cell['name']: cell['status'] for cell in study.record()['cells']}
