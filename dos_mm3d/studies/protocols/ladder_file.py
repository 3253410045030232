"""A ladder file: which pretraining configs are compared, in which order, with what."""

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ...engine.config_overrides import load_with_overrides
from ...errors import InputError, MissingFileError
from ...progress import progress_bar
from .datasets import DataSet, dataset_named

KEYS = ('name', 'config', 'title', 'above')
SET_BY_LADDER = ('max_iters', 'train_cfg.max_iters', 'randomness.seed', 'work_dir')
_WANTED = f'dict({", ".join(f"{key}=..." for key in KEYS)})'
_NAME = re.compile(r'[A-Za-z0-9][A-Za-z0-9_.-]*')


@dataclass(frozen=True)
class LadderRow:
    """One config of a ladder.

    Args:
        name: short, unique, part of a folder's name.
        config: file of the pretraining config.
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
    overrides: dotted.key -> value, for every row alike; a mapping takes the place of what stands there.
    """

    path: Path
    rows: tuple[LadderRow, ...]
    overrides: Mapping[str, Any] = field(default_factory=dict)

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
    """The ladder of a Python file with `rows` and, optionally, `options`: lists of dicts with the keys of `KEYS`; and,
    optionally, `overrides`: what every row has in place of what its config says, as another backbone.

    Configs are relative to the working directory. FileNotFoundError where the file or a config is missing, ValueError
    where it is no ladder.
    """
    if not path.is_file():
        raise MissingFileError(f'{path}: no such ladder file; wanted for example configs/ablations/ladder.py')
    content = load_with_overrides(path, {})
    if not content.get('rows'):
        raise InputError(f'{path}: no ladder, it has no `rows`; wanted rows = [{_WANTED}, ...]')
    rows = [_row(path, entry, is_option=False) for entry in content['rows']]
    rows += [_row(path, entry, is_option=True) for entry in content.get('options', [])]
    _check(path, rows)
    return Ladder(path, tuple(rows), dict(content.get('overrides', {})))


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


def resolve_configs(ladder: Ladder, steps: int | None, overrides: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    """Name of a row -> its resolved config, see :func:`resolve_config`; the command line's values go before the
    ladder's. InputError where they go into what the ladder puts in as a whole, or where the rows train for different
    numbers of steps, which no comparison survives."""
    whole = [key for key, value in ladder.overrides.items() if isinstance(value, Mapping)]
    if within := [key for key in overrides if any(key.startswith(f'{one}.') for one in whole)]:
        raise InputError(
            f'--cfg-options {", ".join(within)}: {ladder.path} has {", ".join(whole)} of its own; change it there'
        )
    given = {**{key: in_place(value) for key, value in ladder.overrides.items()}, **overrides}
    with progress_bar(ladder.rows, 'ladder: reading configs', unit='config') as rows:
        configs = {row.name: resolve_config(row.config, steps=steps, overrides=given) for row in rows}
    found = {name: config['train_cfg']['max_iters'] for name, config in configs.items()}
    if len(set(found.values())) > 1:
        raise InputError(f'the rows train for different numbers of steps ({found}); give one with --steps')
    return configs


def in_place(value: Any) -> Any:
    """A mapping as mmengine puts it in place of another, instead of merging the two."""
    return {'_delete_': True, **value} if isinstance(value, Mapping) else value


def resolve_config(path: Path, *, steps: int | None, overrides: Mapping[str, Any]) -> dict[str, Any]:
    """A row's config with `max_iters` and the command line's values in place, logging its last step.

    steps None: as many as the config says. ValueError where an override is the ladder's business, or where the config
    does not follow its `max_iters`.
    """
    if taken := sorted(set(overrides) & set(SET_BY_LADDER)):
        raise InputError(f'--cfg-options {", ".join(taken)}: the ladder sets it; use --steps, --seeds, --out')
    cfg = load_with_overrides(path, {**overrides, **({} if steps is None else {'max_iters': steps})})
    found = cfg.train_cfg.max_iters
    if steps is not None and found != steps:
        raise InputError(
            f'{path}: trains {found} steps whatever max_iters is; wanted a top-level variable max_iters that '
            'train_cfg.max_iters and the schedules are made from'
        )
    logger = cfg.default_hooks.logger
    logger.interval = math.gcd(logger.interval, found)
    return cfg.to_dict()


def dataset_of(config: Mapping[str, Any]) -> DataSet:
    """What is pretrained on and probed: the embedded nuScenes, or whatever lies in its place."""
    return dataset_named('synthetic').at(config['train_dataloader']['dataset']['data_root'])
