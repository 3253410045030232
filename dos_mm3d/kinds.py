"""Whether a value is of the kind that an annotation names: a number where two belong, a text in place of a number."""

import math
import types
from collections.abc import Mapping, Sequence
from typing import Any, Union, get_args, get_origin

_PLAIN = {
    bool: 'True or False',
    int: 'a whole number',
    float: 'a number',
    str: 'a text',
    type(None): 'None',
    dict: 'named values',
}


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
