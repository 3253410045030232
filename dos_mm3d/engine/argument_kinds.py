"""Whether a config gives this package's classes what they say that they take: a number where two belong, a text in
place of a number. Their own code would fail at it somewhere, or use it in some other way."""

from collections.abc import Iterator, Mapping
from typing import Any, get_type_hints

from mmengine.config import Config

from ..errors import InputError
from ..kinds import described, fits
from .known_keys import OF_RUNNERS, constructors_of, registered_as

OURS = __name__.partition('.')[0]


def check_arguments(cfg: Config) -> None:
    """InputError for an argument, anywhere in what runners read, that is of none of its annotation's kinds."""
    for place, entry in _with_a_type({name: cfg[name] for name in cfg if name in OF_RUNNERS}):
        for name, kind in _arguments_of(entry['type']).items():
            if name in entry and not fits(entry[name], kind):
                raise InputError(f'{place}.{name}={entry[name]!r}: wanted {described(kind)}')


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
