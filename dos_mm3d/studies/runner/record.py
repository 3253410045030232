"""What the records of all studies share: facts, the test split's single look, files written together."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from matplotlib.figure import Figure

from ...errors import OutputExistsError
from ...files import read_json, write_json, write_text
from ...visualization.style import write_png
from .arguments import StudyArguments
from .facts import commit, machine, versions

CELL_KEYS = ('status', 'message', 'step', 'seconds', 'commit', 'machine')


def describe_machine() -> dict[str, Any]:
    """Commit of this package, versions of what it is made of, machine: beside every number."""
    return {'commit': commit(Path(__file__).parent), 'versions': versions(), 'machine': machine()}


def portable(path: str | Path) -> str:
    """A path as a record keeps it: below the working folder relative to it, elsewhere its last two parts, as the rest
    is of one machine. What it is, a hash beside it says."""
    path = Path(path)
    if not path.is_absolute():
        return str(path)
    if path.is_relative_to(Path.cwd()):
        return str(path.relative_to(Path.cwd()))
    return str(Path('...', *path.parts[-2:]))


def cell_record(name: str, status: str, found: Mapping[str, Any] | None) -> dict[str, Any]:
    """What became of a cell, without its numbers. found: its record, None where there is none."""
    return {'name': name, 'status': status, **{key: found[key] for key in CELL_KEYS if found and key in found}}


def refuse_second_test(path: Path, args: StudyArguments) -> None:
    """OutputExistsError where the test split has been reported in the record `path`: it is looked at once.

    Cells that gave no number may be run again (`retry_failed`); with `again` the user says that it may be replaced.
    """
    if args.split != 'test' or args.again or not path.is_file():
        return
    record = read_json(path)
    lost = any(cell['status'] != 'finished' for cell in record.get('cells', ()))
    if record['complete'] and not (args.retry_failed and lost):
        raise OutputExistsError(
            f'{path}: the test split has been reported there; settings are chosen on --split validation. '
            'If it must be replaced, say --again, and say so where the numbers are shown'
        )


def write_record(path: Path, record: Mapping[str, Any], *, text: str, figure: Figure | None) -> None:
    """The record as JSON, its tables as Markdown and its picture, if there is anything to draw, as PNG beside it."""
    write_json(path, record)
    write_text(path.with_suffix('.md'), text)
    if figure is not None:
        write_png(figure, path.with_suffix('.png'))
