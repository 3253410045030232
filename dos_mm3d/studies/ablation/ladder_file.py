"""A ladder file: which configs are compared, in which order, with what."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mmengine.config import Config

from ...errors import InputError, MissingFileError

KEYS = ('name', 'config', 'title', 'above')
_WANTED = f'dict({", ".join(f"{key}=..." for key in KEYS)})'
_NAME = re.compile(r'[A-Za-z0-9][A-Za-z0-9_.-]*')


@dataclass(frozen=True)
class LadderRow:
    """One config of a ladder.

    Args:
        name: short, unique, part of a folder's name.
        config: pretraining config.
        title: for the reader.
        above: name of the row that it is compared with, None for the first.
        is_option: whether it is a single change of the reference.
    """

    name: str
    config: Path
    title: str
    above: str | None
    is_option: bool


@dataclass(frozen=True)
class Ladder:
    """Rows in their order, then options.

    reference: the row that the options change (the last row where there are none); its encoder is the one that the
    random baselines share, and it is the one that is compared with every baseline.
    """

    path: Path
    rows: tuple[LadderRow, ...]

    @property
    def reference(self) -> LadderRow:
        name = next((row.above for row in self.rows if row.is_option), None)
        return self.row(name) if name else [row for row in self.rows if not row.is_option][-1]

    def row(self, name: str) -> LadderRow:
        return next(row for row in self.rows if row.name == name)

    def select(self, names: Sequence[str] | None, *, options: bool) -> list[LadderRow]:
        """The rows of these names in the ladder's order; for None all rows, with the options where wanted.

        ValueError for a name that the ladder does not have.
        """
        if names is None:
            return [row for row in self.rows if options or not row.is_option]
        if unknown := sorted(set(names) - {row.name for row in self.rows}):
            known = ', '.join(row.name for row in self.rows)
            raise InputError(f'{self.path}: has no row {", ".join(unknown)}; wanted some of {known}')
        return [row for row in self.rows if row.name in names]


def read_ladder(path: Path) -> Ladder:
    """The ladder of a Python file with `rows` and, optionally, `options`: lists of dicts with the keys of `KEYS`.

    Configs are relative to the working directory. FileNotFoundError where the file or a config is missing, ValueError
    where it is no ladder.
    """
    if not path.is_file():
        raise MissingFileError(f'{path}: no such ladder file; wanted for example configs/ablations/ladder.py')
    content = Config.fromfile(path)
    if not content.get('rows'):
        raise InputError(f'{path}: no ladder, it has no `rows`; wanted rows = [{_WANTED}, ...]')
    rows = [_row(path, entry, is_option=False) for entry in content['rows']]
    rows += [_row(path, entry, is_option=True) for entry in content.get('options', [])]
    _check(path, rows)
    return Ladder(path, tuple(rows))


def _row(path: Path, entry: Mapping[str, Any], *, is_option: bool) -> LadderRow:
    if not isinstance(entry, Mapping) or set(entry) != set(KEYS):
        raise InputError(f'{path}: got the row {entry!r}, wanted {_WANTED}')
    if not _NAME.fullmatch(str(entry['name'])):
        raise InputError(f'{path}: a row is named {entry["name"]!r}; wanted letters, digits, _ . - (it names a folder)')
    return LadderRow(**{**entry, 'config': Path(entry['config'])}, is_option=is_option)


def _check(path: Path, rows: Sequence[LadderRow]) -> None:
    """Names are unique, every comparison is with a row of the ladder, options say with which, configs are there."""
    names = [row.name for row in rows]
    if doubled := sorted({name for name in names if names.count(name) > 1}):
        raise InputError(f'{path}: {", ".join(doubled)} occurs more than once; wanted one row per name')
    plain = {row.name for row in rows if not row.is_option}
    for row in rows:
        if (row.above is None and row.is_option) or (row.above is not None and row.above not in plain - {row.name}):
            raise InputError(f'{path}: {row.name} is compared with {row.above!r}; wanted another row of the ladder')
        if not row.config.is_file():
            raise MissingFileError(f'{row.config}: no such config; {path} names it for {row.name}')
