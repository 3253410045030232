"""What differs between the config that a checkpoint was trained with and the one of a run that goes on from it."""

from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from ..errors import InputError

OF_ONE_START = ('work_dir', 'load_from', 'resume', 'launcher', 'experiment_name')
"""Variables that say how a run was started, not what it computes."""
ABSENT = 'not set'
SHOWN = 8


class Change(NamedTuple):
    """A setting that has another value now."""

    key: str
    before: Any
    now: Any

    def __str__(self) -> str:
        return f'{self.key}: {_short(self.before)} -> {_short(self.now)}'


def changes_between(before: Mapping[str, Any], now: Mapping[str, Any]) -> list[Change]:
    """Every setting, as a dotted key, that differs between two configs; lists and tuples of the same items do not."""
    old, new = dict(leaves_of(before)), dict(leaves_of(now))
    keys = [key for key in {**old, **new} if key.partition('.')[0] not in OF_ONE_START]
    return [
        Change(key, old.get(key, ABSENT), new.get(key, ABSENT))
        for key in keys
        if old.get(key, ABSENT) != new.get(key, ABSENT)
    ]


def described(changes: list[Change]) -> str:
    """The changes in one sentence; those that repeat a variable's are left out."""
    variables = {(_short(one.before), _short(one.now)) for one in changes if '.' not in one.key}
    told = [one for one in changes if '.' not in one.key or (_short(one.before), _short(one.now)) not in variables]
    more = f', and {len(told) - SHOWN} more' if len(told) > SHOWN else ''
    return ', '.join(map(str, told[:SHOWN])) + more


def require_followable(changes: list[Change], source: str) -> None:
    """InputError for what a run that goes on cannot follow: its seed, the kind of its optimiser, the heads of its
    attentions, and the frequencies of rotary positions, which lie in the checkpoint beside the weights that were learnt
    with them."""
    for one in changes:
        if one.key.endswith('seed') and one.now not in (None, ABSENT):
            why = 'all random numbers of a run, its data order with them, come from its one seed'
        elif one.key.startswith('optim_wrapper.') and one.key.endswith('optimizer.type'):
            why = 'what one optimiser has gathered means nothing to another'
        elif one.key.endswith('.rope.base'):
            why = 'its weights were learnt with these frequencies of rotary positions'
        elif one.key.startswith('model.') and one.key.endswith('.heads'):
            why = 'its weights were learnt for so many heads, which no shape shows'
        else:
            continue
        raise InputError(f'{source}: cannot go on with {one}, {why}. {way_out(one)}')


def way_out(change: Change) -> str:
    """What to do about a change that is refused."""
    return (
        f'Go on with {_short(change.before)}, or begin anew in another --work-dir'
        if change.before != ABSENT
        else f'Leave {change.key} out, or begin anew in another --work-dir'
    )


def leaves_of(value: Any, key: str = '') -> Iterator[tuple[str, Any]]:
    """Dotted key and value of everything that holds no further names, tuples as lists."""
    named = isinstance(value, Mapping) and value
    listed = isinstance(value, list | tuple) and any(isinstance(item, Mapping) for item in value)
    if not named and not listed:
        yield key, _as_lists(value)
        return
    for name, item in value.items() if named else enumerate(value):
        yield from leaves_of(item, f'{key}.{name}' if key else str(name))


def _as_lists(value: Any) -> Any:
    return [_as_lists(item) for item in value] if isinstance(value, list | tuple) else value


def _short(value: Any) -> str:
    text = str(value)
    return text if len(text) <= 80 else f'{text[:77]}...'
