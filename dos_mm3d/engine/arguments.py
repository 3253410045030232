"""Types of command-line arguments beside Python's own."""

import argparse
import math
import os
from collections.abc import Callable, Sequence
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


def number(least: float = -math.inf, *, above: float = -math.inf, most: float = math.inf) -> Callable[[str], float]:
    """A type for argparse: a finite number from `least`, or more than `above`, up to `most`."""

    def finite_number(text: str) -> float:
        try:
            found = float(text)
        except ValueError:
            found = math.nan
        if not (math.isfinite(found) and least <= found <= most and found > above):
            low = f'above {above:g}' if above > -math.inf else f'from {least:g} on' if least > -math.inf else ''
            high = f', up to {most:g}' if most < math.inf else ''
            raise argparse.ArgumentTypeError(f'wanted a finite number {low}{high}, got {text!r}')
        return found

    return finite_number


class Gathered(argparse.Action):
    """The values of a list, those of every time that its option is given; argparse keeps the last ones without a word.
    Where the list has one place, the second time is an error."""

    def __call__(
        self, parser: argparse.ArgumentParser, namespace: argparse.Namespace, values: Sequence[Any], *_: Any
    ) -> None:
        before = getattr(namespace, self.dest)
        before = [] if before is self.default else before
        if before and self.nargs == 1:
            parser.error(f'{self.option_strings[0]} is given twice, {before[0]} and {values[0]}; wanted one')
        setattr(namespace, self.dest, [*before, *values])


class _Quiet(argparse.Action):
    """Tells this process, and those that it starts."""

    def __call__(self, *_: Any) -> None:
        os.environ[QUIET] = '1'


def add_quiet(parser: argparse.ArgumentParser) -> None:
    """--quiet, of every command that takes longer than a few seconds; nothing of it is left in the namespace."""
    words = 'print results, warnings and errors, not what is being done'
    parser.add_argument('--quiet', action=_Quiet, nargs=0, dest=argparse.SUPPRESS, help=words)
