"""What became of a tool that was disturbed, in one word."""

import re
from collections.abc import Iterable
from dataclasses import dataclass

RIGHT, NAMED, RAW, SKIPPED = 'right', 'named', 'raw number', 'skipped'
LOST, SILENT, VAGUE, TRACEBACK, HUNG = 'lost', 'silent', 'vague', 'traceback', 'hung'
FAULTS = (LOST, SILENT, VAGUE, TRACEBACK, HUNG)
OUTCOMES = {
    RIGHT: 'the result has the bits of the undisturbed one',
    NAMED: 'one line that says what is wrong, and nothing was lost',
    RAW: 'another number in a file whose format has no checksum, which nobody can tell from the right one',
    SKIPPED: 'this machine does not let the campaign disturb it in that way',
    LOST: 'what was there is gone, or what was done could not go on',
    SILENT: 'another result, and nothing was said',
    VAGUE: 'one line that does not name the file at fault',
    TRACEBACK: "a traceback, or a signal, for what is not the program's fault",
    HUNG: 'did not end',
}
"""From good to bad: of several outcomes of one case the last one counts."""
_ERROR = re.compile(r'^error: (.*)$', re.MULTILINE)
_TRACE = 'Traceback (most recent call last)'


@dataclass(frozen=True)
class Ended:
    """How a tool ended.

    Args:
        status: exit status, negative for a signal, None where it took too long and was ended.
        text: all that it printed.
        killed: whether it was killed on purpose.
    """

    status: int | None
    text: str
    killed: bool = False

    @property
    def message(self) -> str:
        """The line that a user is left with; '' where there is none."""
        return next(reversed(_ERROR.findall(self.text)), '')

    def warning_of(self, file: str) -> str:
        """The line of the log that says what was done about a file; '' where there is none."""
        lines = (line for line in self.text.splitlines() if 'WARNING' in line and file in line)
        return next((line.partition('WARNING - ')[2] for line in lines), '')


def how_it_ended(ended: Ended, *names: str) -> str | None:
    """The outcome as far as the end itself tells; None where the tool ended well and its result must be looked at.

    names: of which an error must have one; none: any error will do.
    """
    if ended.status is None:
        return HUNG
    if _TRACE in ended.text or ended.status < 0:
        return TRACEBACK
    if ended.status == 0:
        return None
    if not ended.message:
        return VAGUE
    return NAMED if not names or any(name in ended.message for name in names) else VAGUE


def worst(outcomes: Iterable[str]) -> str:
    """The one of several outcomes that counts for the case."""
    return max(outcomes, key=list(OUTCOMES).index)
