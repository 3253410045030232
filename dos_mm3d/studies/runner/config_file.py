"""A resolved config as a file."""

import ast
from collections.abc import Mapping
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
