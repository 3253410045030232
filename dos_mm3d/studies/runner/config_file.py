"""What the command of a cell is given as a file: a resolved config, or a request that it answers."""

import argparse
import ast
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from ...errors import InputError
from ...files import nan_to_none, read_json, write_json, write_text


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


def answer_request(
    about: str, answer: Callable[[Mapping[str, Any]], Mapping[str, Any]], arguments: Sequence[str] | None = None
) -> None:
    """A cell's work in a process that is no tool: the command line REQUEST.json --out FILE of a module.

    Args:
        about: what the module is, for --help.
        answer: content of the request -> content of the file.
        arguments: of the command line; None: those of this process.
    """
    parser = argparse.ArgumentParser(description=about, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('request', type=Path)
    parser.add_argument('--out', type=Path, required=True)
    args = parser.parse_args(arguments)
    write_json(args.out, nan_to_none(answer(read_json(args.request))))
