"""Command-line values for a config's variables, in force while the config is evaluated.

mmengine merges ``--cfg-options`` into the finished config: ``data_root=PATH`` would change the variable and leave every
data set that was built from it where it was. Here a variable gets the value of the command line at the moment a config,
or a base of it in whatever package, assigns it; all that is derived from it follows.
"""

import argparse
import copy
import traceback
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from itertools import pairwise
from pathlib import Path
from typing import Any

from mmengine.config import Config
from mmengine.config import config as mmengine_config
from mmengine.utils import import_modules_from_strings

from ..errors import InputError, UserError
from .argument_kinds import check_arguments
from .detector_numbers import check_detector_numbers
from .homes import put_homes
from .known_keys import OF_RUNNERS, default_number, is_text, is_yes_or_no, may_be_none, require_known, value_at
from .loaders import check_numbers, settle_loaders
from .override_values import is_of_path, read_value
from .partial_overrides import require_whole

LOADERS = ('train_dataloader', 'val_dataloader', 'test_dataloader')


def add_overrides(parser: argparse.ArgumentParser, option: str, what: str) -> None:
    """Add `option KEY=VALUE ...`, which :func:`load_with_overrides` takes, to a parser; what: its help."""
    parser.add_argument(option, nargs='+', action=_KeysAndValues, default={}, metavar='KEY=VALUE', help=what)


def load_with_overrides(path: Path, overrides: Mapping[str, Any]) -> Config:
    """A config with other values.

    A key without a dot is a variable, and what is derived from it follows. A dotted key names a place in the finished
    config, and a mapping is merged into the place that its key names, both as in mmengine; where the place is in a
    variable that only other ones are made from, such as `train_pipeline.0`, they follow too. A text is read as what
    stands there (:func:`read_value`).

    Args:
        path: the config file.
        overrides: key or dotted.key -> value, or the text of one.

    Raises:
        InputError: the file is no Python, the config has no such key, the value cannot stand there, or the rest cannot
            be made from it.
    """
    if private := [key for key in overrides if key.startswith('_')]:
        raise InputError(
            f'{path}: {private[0]}={overrides[private[0]]}: what begins with _ is no setting, but what a config makes '
            'of its others on the way; override these, or the place that it goes to, as SECTION.NAME=VALUE'
        )
    variables = _Overrides({key: value for key, value in overrides.items() if '.' not in key})
    cfg = _evaluated(path, variables)
    if cfg.get('model'):  # what is trained; the variables of other files are read by whoever loads them
        _require_effect(path, {key: overrides[key] for key in variables.used - OF_RUNNERS})
    before = copy.deepcopy(cfg)
    _merge(cfg, overrides, variables.used, path)
    _require_whole(path, before, cfg, overrides)
    if dotted := {key: value for key, value in overrides.items() if _of_variable(key)}:
        # each has its place; now others follow
        if cfg.get('model') and any(cfg.get(loader) for loader in LOADERS):  # a whole run
            _require_effect(path, dotted)
        variables = _Overrides(overrides)
        cfg = _evaluated(path, variables)
        _merge(cfg, overrides, variables.used, path)
    if any(key.startswith('custom_imports.') for key in overrides):  # mmengine imports what the file itself names
        try:
            import_modules_from_strings(**cfg.custom_imports)
        except ImportError as error:
            raise InputError(f'{path}: custom_imports: {error}; is it installed, or on PYTHONPATH?') from error
    settle_loaders(cfg)
    check_numbers(cfg)
    check_arguments(cfg)
    check_detector_numbers(cfg)
    put_homes(cfg)
    return cfg


def _merge(cfg: Config, overrides: Mapping[str, Any], used: set[str], path: Path) -> None:
    """Put the values, without those in use already, into a finished config."""
    for key in sorted(overrides.keys() - used, key=_order):
        require_known(key, cfg, path)
        try:
            _put(cfg, key, _read_at(cfg, key, overrides[key]))
        except (KeyError, TypeError) as error:  # an entry of what has none
            raise InputError(f'{path}: {key}={overrides[key]} has no place: {error}') from error


def _put(cfg: Config, key: str, value: Any) -> None:
    """Merge a value into its place; one of a plain list, where mmengine 0.10.7 fails, with the list around it."""
    above, _, name = key.rpartition('.')
    items = value_at(cfg, above) if above else None
    if isinstance(items, list | tuple) and not isinstance(items[int(name)], dict):
        with_it = [*items[: int(name)], value, *items[int(name) + 1 :]]
        _put(cfg, above, type(items)(with_it))
    else:
        cfg.merge_from_dict({key: value})


def _of_variable(key: str) -> bool:
    """Whether a dotted key is of a variable that only other ones can be made from."""
    return '.' in key and key.partition('.')[0] not in OF_RUNNERS


def _order(key: str) -> tuple[int, str]:
    """What is taken out of a place, then the class that comes there, then its own arguments."""
    return {'_delete_': 0, 'type': 1}.get(key.rpartition('.')[2], 2), key


def _read_at(cfg: Config, key: str, value: Any) -> Any:
    if value == 'None' and may_be_none(cfg, key) and not is_of_path(key):
        return None
    there = value_at(cfg, key)
    if there is None and value != 'None':
        there = '' if is_text(cfg, key) else False if is_yes_or_no(cfg, key) else None
        if there is None and is_of_path(key):  # drop_path is none
            there = default_number(cfg, key)
    return read_value(value, there, key)


def _require_whole(path: Path, before: Config, now: Config, overrides: Mapping[str, Any]) -> None:
    def made_with(name: str, value: Any) -> Config | None:
        try:
            return _evaluated(path, _Overrides({**undotted, name: value}))
        except InputError:
            return None

    undotted = {key: value for key, value in overrides.items() if '.' not in key}
    require_whole(path, before, now, {key: overrides[key] for key in overrides.keys() - undotted.keys()}, made_with)


def _evaluated(path: Path, variables: '_Overrides') -> Config:
    try:
        with _assigning(variables):
            return Config.fromfile(path)
    except (UserError, OSError):
        raise
    except SyntaxError as error:
        raise InputError(f'{path}: {error}') from error
    except Exception as error:  # the file is Python of the user's own
        if not variables.stood:
            frames = traceback.extract_tb(error.__traceback__)
            within = [f'{below.filename}, line {below.lineno}' for one, below in pairwise(frames) if one.name == 'run']
            where = within[0] if within else path  # of the file, or of a base of it
            raise InputError(f'{where}: cannot be read as a config ({type(error).__name__}: {error})') from error
        given = ', '.join(f'{key}={variables.values[key]} (in place of {was})' for key, was in variables.stood.items())
        raise InputError(f'{path}: cannot be made with {given}: {error}') from error


def _require_effect(path: Path, values: Mapping[str, Any]) -> None:
    """InputError for a variable whose other value would leave all else in the config as it is.

    `input_channels` describe the points: other names for as many of them are right where their unit is another.
    """
    before = _evaluated(path, _Overrides({})) if values else {}
    for key, value in values.items():
        name = key.partition('.')[0]
        try:
            after = _evaluated(path, _Overrides({key: value}))
        except InputError:  # without the others nothing can be made from it, so something is
            continue
        renamed = name == 'input_channels' and len(after[name]) == len(before[name])
        if not renamed and [one for one in before if after[one] != before[one]] == [name]:
            raise InputError(
                f'{path}: {key}={value} would change nothing: of what this config trains nothing is made from {name}; '
                'override the place itself, as SECTION.NAME=VALUE'
            )


class _KeysAndValues(argparse.Action):
    """KEY=VALUE ... as a mapping of texts, as they were typed."""

    def __call__(
        self, parser: argparse.ArgumentParser, namespace: argparse.Namespace, values: Sequence[str], *_: Any
    ) -> None:
        pairs = [text.partition('=') for text in values]
        if wrong := [key for key, equals, _ in pairs if not key or not equals]:
            parser.error(f'{self.option_strings[0]} {wrong[0]}: wanted KEY=VALUE')
        setattr(namespace, self.dest, {**getattr(namespace, self.dest), **{key: value for key, _, value in pairs}})


class _Overrides:
    """Values for the variables of a config; `used` holds those that it, or a base of it, has assigned."""

    def __init__(self, values: Mapping[str, Any]) -> None:
        self.values = {key: value for key, value in values.items() if not isinstance(value, dict)}
        self.used: set[str] = set()
        self.texts: set[str] = set()  # variables that are a text in a base, if in the config itself they are None
        self.stood: dict[str, Any] = {}  # variables that have got another value, and what the config had there

    def value_of(self, name: str, default: Any) -> Any:
        """What a config gets that assigns `default` to `name`."""
        if name not in self.values:
            return self.merged(name, default)
        if isinstance(default, dict):  # merged into the finished config
            self.used.discard(name)
            return default
        self.used.add(name)
        self.stood[name] = default
        if isinstance(default, str):
            self.texts.add(name)
        return read_value(self.values[name], '' if name in self.texts else default, name)

    def merged(self, name: str, default: Any) -> Any:
        """A variable with the values of its dotted keys; those of what runners read are for the finished config."""
        keys = [key for key in self.values if key.startswith(f'{name}.') and _of_variable(key)]
        if not keys or not isinstance(default, dict | list):
            return default
        within = Config({name: default})
        for key in sorted(keys, key=_order):
            if value_at(within, key.rpartition('.')[0]) is not None:
                _put(within, key, _read_at(within, key, self.values[key]))
        return within.to_dict()[name]


class _Variables(dict):
    """The names of a config while it is evaluated; Python puts every assignment through `__setitem__`."""

    def __init__(self, given: Mapping[str, Any], overrides: _Overrides) -> None:
        super().__init__(given)
        self.overrides = overrides

    def __setitem__(self, name: str, value: Any) -> None:
        super().__setitem__(name, self.overrides.value_of(name, value))


@contextmanager
def _assigning(overrides: _Overrides) -> Iterator[None]:
    """Within it, mmengine evaluates configs, and their bases, with other values for their variables.

    mmengine 0.10.7 runs a config as `eval(code, names, names)`, one in its new style as `exec(code, names, names)`,
    and finds these two functions in its own module before Python's.
    """

    def run(code: Any, *names: dict) -> Any:
        if not names:  # the line that names the bases
            return eval(code)
        variables = _Variables(names[0], overrides)
        result = eval(code, variables, variables)
        names[0].update(variables)
        return result

    mmengine_config.eval = mmengine_config.exec = run
    try:
        yield
    finally:
        del mmengine_config.eval, mmengine_config.exec
