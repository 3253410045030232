"""Settings of transforms, each of the kind and in the limits that it says."""

from collections.abc import Callable, Mapping, Sequence
from math import inf
from typing import Any, TypeVar, get_type_hints

from ...errors import InputError, InputTypeError
from ...kinds import described, fits

Settings = TypeVar('Settings')


def settings_of(kind: Callable[..., Settings], owner: str, given: Mapping[str, Any]) -> Settings:
    """A dataclass of what a config gives; InputTypeError where an argument is not known or missing, InputError where
    one is of another kind.

    owner: names it in the error.
    """
    kinds = get_type_hints(kind)
    if unknown := sorted(given.keys() - kinds.keys()):
        raise InputTypeError(f'{owner} got {unknown}; it knows {sorted(kinds)}')
    for name, value in given.items():
        if not fits(value, kinds[name]):
            raise InputError(f'{owner}: {name}={value!r}: wanted {described(kinds[name])}')
    try:
        return kind(**given)
    except TypeError as error:
        raise InputTypeError(f'{owner} got {dict(given)}: {error}') from error


def require_range(name: str, value: Sequence[float], least: float, most: float, why: str = '') -> None:
    """InputError unless two numbers are a range, from the lower to the higher, within limits."""
    if not least <= value[0] <= value[1] <= most:
        note = f', {why}' if why else ''
        raise InputError(
            f'{name} must be a range from {least:g} to {most:g}, the lower first{note}; got {tuple(value)}'
        )


def require_share(name: str, value: float) -> None:
    """InputError unless a number is a probability."""
    if not 0 <= value <= 1:
        raise InputError(f'{name} says how often, from 0 to 1; got {value}')


def require_size(name: str, value: float, *, above: float = -inf) -> None:
    """InputError unless a number is finite and 0 or more, with `above` more than that."""
    if not (0 <= value < inf and value > above):
        raise InputError(f'{name} must be {"more than 0" if above == 0 else "0 or more"}, and finite; got {value}')
