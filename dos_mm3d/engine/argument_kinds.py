"""Whether a config gives this package's classes what they say that they take: a number where two belong, a text in
place of a number. Their own code would fail at it somewhere, or use it in some other way."""

import math
import types
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Union, get_args, get_origin, get_type_hints

from mmengine.config import Config

from ..errors import InputError
from .known_keys import OF_RUNNERS, constructors_of, registered_as

OURS = __name__.partition('.')[0]
_PLAIN = {
    bool: 'True or False',
    int: 'a whole number',
    float: 'a number',
    str: 'a text',
    type(None): 'None',
    dict: 'named values',
}


def check_arguments(cfg: Config) -> None:
    """InputError for an argument, anywhere in what runners read, that is of none of its annotation's kinds."""
    for place, entry in _with_a_type({name: cfg[name] for name in cfg if name in OF_RUNNERS}):
        for name, kind in _arguments_of(entry['type']).items():
            if name in entry and not fits(entry[name], kind):
                raise InputError(f'{place}.{name}={entry[name]!r}: wanted {described(kind)}')


def fits(value: Any, kind: Any) -> bool:
    """Whether a value of a config, where a list may stand for a tuple, is one of a kind; of kinds that no literal of a
    config is, everything is."""
    origin, parts = get_origin(kind), get_args(kind)
    if origin in (Union, types.UnionType):
        return any(fits(value, one) for one in parts)
    if kind is float:
        return type(value) in (int, float) and not math.isnan(value)
    if kind is dict:
        return isinstance(value, Mapping)
    if kind in _PLAIN:
        return isinstance(value, kind) and isinstance(value, bool) == (kind is bool)
    if origin is tuple or origin in (list, Sequence):
        if not isinstance(value, list | tuple):
            return False
        if origin is tuple and ... not in parts:
            return len(value) == len(parts) and all(map(fits, value, parts))
        return all(fits(one, parts[0]) for one in value)
    return True


def described(kind: Any) -> str:
    """A kind in words."""
    origin, parts = get_origin(kind), get_args(kind)
    if origin in (Union, types.UnionType):
        return ' or '.join(dict.fromkeys(map(described, parts)))
    if origin is tuple and ... not in parts:
        return f'{len(parts)} values, each {" / ".join(dict.fromkeys(map(described, parts)))}'
    if origin is tuple or origin in (list, Sequence):
        return f'a list, each {described(parts[0])}'
    return _PLAIN.get(kind, getattr(kind, '__name__', str(kind)))


def _with_a_type(value: Any, place: str = '') -> Iterator[tuple[str, Mapping[str, Any]]]:
    """Every mapping that names a class, by its place."""
    if isinstance(value, Mapping):
        if isinstance(value.get('type'), str):
            yield place, value
        entries: Any = value.items()
    else:
        entries = enumerate(value) if isinstance(value, list | tuple) else ()
    for name, one in entries:
        yield from _with_a_type(one, f'{place}.{name}' if place else str(name))


def _arguments_of(name: str) -> dict[str, Any]:
    """The annotated arguments of what this package has registered under a name."""
    ours = [
        one
        for kind in registered_as(name)
        for one in reversed(constructors_of(kind))
        if kind.__module__.startswith(f'{OURS}.') and one.__module__.startswith(f'{OURS}.')
    ]
    return {name: kind for one in ours for name, kind in get_type_hints(one).items() if name != 'return'}
