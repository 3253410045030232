"""One piece of a study, and the folder that belongs to it."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from .hashing import content_hash

Command = Sequence[str] | Callable[[], None]
"""Arguments of a program, or a function that is called in a forked process: it need not import anything again."""


def nothing(folder: Path) -> dict[str, Any]:
    """What a cell collects whose files are all that is wanted of it."""
    return {}


@dataclass(frozen=True)
class Cell:
    """One piece of a study: commands in a folder of its own, and what is recorded of them.

    Args:
        name: unique in the study; letters, digits, `_ . -` (part of the folder's name).
        depends_on: plain JSON of everything that decides the numbers, hashes instead of paths. Its hash is the other
            part of the folder's name, so that a changed setting is another cell and an old one is found again.
        commands: folder -> commands, run in this order when the cell's turn comes, so that it may read what the cells
            of `after` have left. A command whose process was ended half-way is started again: it must go on
            (tools/train.py --resume) or begin anew by itself. Those before it are not repeated.
        collect: folder -> plain JSON, from the files that the commands left there. Its key `said`, if any, is what the
            line of progress says of it. OSError, ValueError or KeyError fails the cell.
        prepare: folder -> None, writes what the commands read (configs); before each start, must be repeatable.
        after: cells that must have finished before; what decides their numbers decides this one's too.
        title: what a reader sees of it; default the name.
        place: folder relative to the study's, instead of one that is named after the hash, for results that a user
            looks for. It holds the latest settings only: it is emptied when a cell with others begins.
        outputs: further files and folders, elsewhere, that must be there for the cell to count as finished.
        needed: nothing else is worth running without it: a failure is not recorded but ends the study (CellFailed),
            and the next call goes on with the command that failed.
        limit_s: of a command; one that takes longer is ended and fails the cell.
    """

    name: str
    depends_on: Mapping[str, Any]
    commands: Callable[[Path], Sequence[Command]]
    collect: Callable[[Path], Mapping[str, Any]] = nothing
    prepare: Callable[[Path], None] | None = None
    after: tuple['Cell', ...] = ()
    title: str = ''
    place: Path | None = None
    outputs: tuple[Path, ...] = ()
    needed: bool = False
    limit_s: float | None = None

    @property
    def key(self) -> str:
        """sha256 of what decides the numbers, that of the cells before it included."""
        before = [cell.key for cell in self.after]
        return content_hash([self.depends_on, before] if before else self.depends_on)

    @property
    def all_before(self) -> set[str]:
        """Names of the cells of `after`, and of those that they come after."""
        return {name for cell in self.after for name in (cell.name, *cell.all_before)}

    def folder(self, out: Path) -> Path:
        """Where it is, in a study below `out`."""
        return out / (self.place or Path('cells', f'{self.name}_{self.key[:8]}'))
