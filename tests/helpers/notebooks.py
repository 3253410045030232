"""Notebooks as plain Python: what a kernel would run, in this process, which has imported all that they need."""

import json
from pathlib import Path
from typing import Any


def code_of(notebook: Path) -> list[str]:
    """Source of its cells of code."""
    return [
        ''.join(cell['source']) for cell in json.loads(notebook.read_text())['cells'] if cell['cell_type'] == 'code'
    ]


def run_notebook(notebook: Path, **settings: Any) -> dict[str, Any]:
    """Run its cells one after another; settings replace names that the first one has set.

    Returns the names that are there at the end. KeyError for a setting that the first cell does not know.
    """
    names: dict[str, Any] = {'__name__': '__main__'}
    for number, code in enumerate(code_of(notebook)):
        exec(compile(code, f'{notebook.name}, cell of code {number}', 'exec'), names)
        if number == 0:
            if unknown := settings.keys() - names.keys():
                raise KeyError(f'{notebook.name} sets no {", ".join(unknown)} in its first cell')
            names |= settings
    return names
