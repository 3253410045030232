"""The resolved config that the command of a cell is given as a file."""

import ast
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from ...errors import InputError
from ...files import write_text


def write_config(path: Path, config: Mapping[str, Any]) -> None:
    """The config as plain assignments, which no later change of its sources can reach. ValueError for a value that is
    no literal, such as infinity."""
    for key, value in config.items():
        try:
            ast.literal_eval(repr(value))
        except (ValueError, SyntaxError) as error:
            raise InputError(
                f'{path}: the resolved config cannot be written, {key} holds {error}; wanted numbers, text, None and '
                'lists, tuples and dicts of them'
            ) from error
    write_text(path, ''.join(f'{key} = {value!r}\n' for key, value in config.items()))


def with_texts(value: Any, change: Callable[[str], str]) -> Any:
    """The same nested containers with every text in them changed."""
    if isinstance(value, Mapping):
        return type(value)({key: with_texts(item, change) for key, item in value.items()})
    if isinstance(value, list | tuple):
        return type(value)(with_texts(item, change) for item in value)
    return change(value) if isinstance(value, str) else value
