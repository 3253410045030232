"""Broken files: whole ones with some changes, and what a reader may make of them."""

import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from dos_mm3d.errors import UserError

INTERESTING = (0, 1, 0x7F, 0x80, 0xFF, ord('0'), ord('9'), ord('-'), ord('.'), ord('['), ord('{'), ord('"'), ord('\n'))
SECONDS = 10
SPARE_BYTES = 64 << 20
ODD_VALUES = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-3, 300),
    st.sampled_from([2**31, 2**63, -(2**63), 10**40, 1e308, -1e308, float('nan'), float('inf'), 0.5]),
    st.text(max_size=6),
    st.sampled_from(['', '..', '/', 'a/b', '../../etc/passwd', '0', '\0', 'name', 'token']),
    st.lists(st.integers(-2, 5), max_size=4),
    st.dictionaries(st.text(max_size=3), st.integers(), max_size=2),
)


@st.composite
def broken(draw: Callable, whole: bytes) -> bytes:
    """Up to six changes of a file: bits, bytes, runs that go, come twice or are of another place, or its end."""
    content = bytearray(whole)
    for _ in range(draw(st.integers(1, 6))):
        kind = draw(st.sampled_from(['bit', 'byte', 'cut', 'repeat', 'move', 'insert', 'end', 'zeros']))
        at = draw(st.integers(0, max(len(content) - 1, 0)))
        length = draw(st.integers(1, 64))
        if kind == 'bit' and content:
            content[at] ^= 1 << draw(st.integers(0, 7))
        elif kind == 'byte' and content:
            content[at] = draw(st.sampled_from(INTERESTING))
        elif kind == 'cut':
            del content[at : at + length]
        elif kind == 'repeat':
            content[at:at] = content[at : at + length]
        elif kind == 'move':
            source = draw(st.integers(0, max(len(content) - 1, 0)))
            content[at : at + length] = content[source : source + length]
        elif kind == 'insert':
            content[at:at] = draw(st.binary(max_size=16))
        elif kind == 'end':
            del content[at:]
        else:
            content[at : at + length] = bytes(len(content[at : at + length]))
    return bytes(content)


@st.composite
def altered(draw: Callable, whole: Any) -> Any:
    """Nested dicts and lists with up to three places changed: another value, none, one more, or one from elsewhere."""
    for _ in range(draw(st.integers(1, 3))):
        whole = _alter(draw, whole)
    return whole


def _alter(draw: Callable, value: Any) -> Any:
    inner = list(value) if isinstance(value, dict) else list(range(len(value))) if isinstance(value, list) else []
    if not inner or draw(st.integers(0, 5)) == 0:
        return draw(ODD_VALUES)
    key = draw(st.sampled_from(inner[:50]))
    copy = dict(value) if isinstance(value, dict) else list(value)
    what = draw(st.sampled_from(['deeper'] * 6 + ['drop', 'swap', 'add']))
    if what == 'drop':
        del copy[key]
    elif what == 'swap':
        copy[key] = copy[draw(st.sampled_from(inner[:50]))]
    elif what == 'add' and isinstance(copy, dict):
        copy[draw(st.text(max_size=4))] = draw(ODD_VALUES)
    elif what == 'add':
        copy.append(draw(ODD_VALUES))
    else:
        copy[key] = _alter(draw, copy[key])
    return copy


def right_or_named(read: Callable[[], Any], size: int) -> bool:
    """Whether a reader took its input; False where it refused by a named error. Anything else is raised.

    size: bytes of the file. AssertionError where the process grows by more than ten times as much, TimeoutError where
    it does not come to an end.
    """

    def late(*_: Any) -> None:
        raise TimeoutError(f'no end after {SECONDS} s')

    before = signal.signal(signal.SIGALRM, late)
    signal.alarm(SECONDS)
    start = peak_bytes(reset=True)
    try:
        read()
        return True
    except UserError as error:
        assert str(error).strip(), 'an error without a text'
        return False
    finally:
        signal.alarm(0)
        signal.signal(signal.SIGALRM, before)
        grown = peak_bytes() - start
        assert grown <= 10 * size + SPARE_BYTES, f'{grown} bytes for a file of {size}'


def peak_bytes(*, reset: bool = False) -> int:
    """The most memory that this process has had since the last reset; 0 where Linux does not say it."""
    try:
        if reset:
            Path('/proc/self/clear_refs').write_text('5')
        line = next(line for line in Path('/proc/self/status').read_text().splitlines() if line.startswith('VmHWM'))
    except (OSError, StopIteration):
        return 0
    return int(line.split()[1]) * 1024


def put(path: Path, content: bytes) -> int:
    """Write a file; how many bytes it has."""
    path.write_bytes(content)
    return len(content)


LENGTHS = [pytest.param(25, id='short'), pytest.param(10_000, id='long', marks=pytest.mark.slow)]
"""Inputs for each reader: in every run, and where there is an hour."""


def try_all(strategy: st.SearchStrategy, examples: int, check: Callable[[Any], Any]) -> None:
    """Give `check` so many inputs, always the same ones; the first that it does not stand is made small and raised."""

    @settings(max_examples=examples, derandomize=True, database=None, deadline=None, suppress_health_check=HealthCheck)
    @given(strategy)
    def run(example: Any) -> None:
        check(example)

    run()
