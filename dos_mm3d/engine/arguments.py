"""Types of command-line arguments beside Python's own."""

import argparse
import os
from collections.abc import Callable
from typing import Any

from ..progress import QUIET


def at_least(least: int) -> Callable[[str], int]:
    """A type for argparse: a whole number from `least` on."""

    def whole_number(text: str) -> int:
        try:
            number = int(text)
        except ValueError:
            number = None
        if number is None or number < least:
            raise argparse.ArgumentTypeError(f'wanted a whole number, {least} or more, got {text!r}')
        return number

    return whole_number


class _Quiet(argparse.Action):
    """Tells this process, and those that it starts."""

    def __call__(self, *_: Any) -> None:
        os.environ[QUIET] = '1'


def add_quiet(parser: argparse.ArgumentParser) -> None:
    """--quiet, of every command that takes longer than a few seconds; nothing of it is left in the namespace."""
    words = 'print results, warnings and errors, not what is being done'
    parser.add_argument('--quiet', action=_Quiet, nargs=0, dest=argparse.SUPPRESS, help=words)
