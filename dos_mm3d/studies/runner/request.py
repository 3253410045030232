"""A cell's work in a process of its own that is no tool: a request in, an answer out, both JSON files."""

import argparse
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from ...files import nan_to_none, read_json, write_json


def answer_request(
    about: str, answer: Callable[[Mapping[str, Any]], Mapping[str, Any]], arguments: Sequence[str] | None = None
) -> None:
    """The command line REQUEST.json --out FILE of a module.

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
