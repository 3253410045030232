"""What a text of the command line means in the place of a value that a config has."""

import ast
import re
from typing import Any

from ..errors import InputError

MAY_BE_NONE = ('load_from', 'work_dir', 'sync_bn')
"""Texts that a config may leave out: 'None' says so, everything else is a text."""
_OF_PATHS = re.compile(r'(root|file|dir|path|folder|prefix|checkpoint)$')
"""Last words of names that hold a path also where the config has nothing yet."""
_JSON = {'true': True, 'false': False, 'null': None}
_LIKE_A_NUMBER = re.compile(r'$|[-+.]*\d|[-+]?(nan|inf(inity)?)$', re.IGNORECASE)


def is_of_path(key: str) -> bool:
    """Whether what is called so holds a path, by its last word."""
    return bool(_OF_PATHS.search(key))


def read_value(given: Any, default: Any, key: str) -> Any:
    """What a text of the command line means where `default` stands in the config.

    Beside a text, in a list of texts, and where a path is to come, it is that text, letter by letter. Elsewhere it is a
    Python literal, `true`, `false` or `null`, a list of these with or without its brackets, or else a text, too. A
    number stays one number: 1e3 is 1000 in place of a whole one, and 007 is 7.

    InputError for anything else in place of True or False, for several values in place of one number, for what is
    nearly a number, and for one value in place of
    named ones, or of a list of these; None takes them away.
    """
    if not isinstance(given, str):
        return given
    if isinstance(default, dict):
        if given == 'None':
            return None
        raise InputError(f'{key}={given}: {key} holds several values; name one of them, {key}.NAME=VALUE')
    if given == 'None' and key in MAY_BE_NONE:
        return None
    if isinstance(default, str) or key in MAY_BE_NONE:
        return given
    if default is None and given != 'None' and is_of_path(key):
        return given
    if isinstance(default, bool):
        return _read_yes_or_no(given, key)
    if isinstance(default, int | float):
        return _read_in_place_of_number(given, default, key)
    return _read_freely(given, default, key)


def _read_yes_or_no(given: str, key: str) -> bool | None:
    """As a text, 'no' would be true."""
    known = {'True': True, '1': True, 'False': False, '0': False, 'None': None, **_JSON}
    if given not in known:
        raise InputError(f'{key}={given}: wanted True or False')
    return known[given]


def _read_in_place_of_number(given: str, default: float, key: str) -> Any:
    if given.isdecimal():
        return int(given)
    if ',' in given and not _bracketed(given):
        raise InputError(f'{key}={given}: one number stands there ({default}), without commas; [{given}] is a list')
    value = _read_freely(given, default, key)
    if isinstance(value, str) and _LIKE_A_NUMBER.match(value):
        raise InputError(f'{key}={given}: a number stands there ({default}), and this is none')
    return int(value) if isinstance(default, int) and isinstance(value, float) and value.is_integer() else value


def _read_freely(given: str, default: Any, key: str) -> Any:
    if isinstance(default, list | tuple) and default and all(isinstance(item, str) for item in default):
        return _read_texts(given)
    if isinstance(default, list | tuple) and any(isinstance(item, dict) for item in default):
        return _read_named_ones(given, key)
    try:
        value = ast.literal_eval(given)
    except (ValueError, SyntaxError, MemoryError, RecursionError):
        if _bracketed(given) or (isinstance(default, list | tuple) and ',' in given):
            return [_read_freely(item, None, key) for item in _items(given)]
        return _JSON.get(given, given)
    return list(value) if isinstance(value, tuple) and not _bracketed(given) else value


def _read_texts(given: str) -> list[str]:
    """Texts between commas; of a list with quotes the commas within these are letters."""
    try:
        value = ast.literal_eval(given)
    except (ValueError, SyntaxError, MemoryError, RecursionError):
        value = None
    if isinstance(value, list | tuple) and all(isinstance(item, str) for item in value):
        return list(value)
    return [item.strip('\'"') for item in _items(given)]


def _read_named_ones(given: str, key: str) -> list[dict] | None:
    try:
        value = ast.literal_eval(given)
    except (ValueError, SyntaxError, MemoryError, RecursionError):
        value = given
    if value is None or (isinstance(value, list | tuple) and all(isinstance(item, dict) for item in value)):
        return value if value is None else list(value)
    raise InputError(
        f"{key}={given}: a list of named values stands there; wanted one such as \"[{{'type': 'NAME'}}]\", or one of "
        f'its values, {key}.0.NAME=VALUE'
    )


def _bracketed(text: str) -> bool:
    return text[:1] + text[-1:] in ('[]', '()')


def _items(text: str) -> list[str]:
    """What stands between the commas of a list, without those of the lists within it."""
    inside, items = text[1:-1] if _bracketed(text) else text, ['']
    for character in inside:
        depth = sum(items[-1].count(bracket) for bracket in '[(') - sum(items[-1].count(bracket) for bracket in '])')
        if character == ',' and depth == 0:
            items.append('')
        else:
            items[-1] += character
    return [item.strip() for item in items if item.strip()]
