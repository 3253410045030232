"""Where a conversion writes: a folder that takes files, has nothing of the user's in their places, and that no other
conversion is writing into."""

import fcntl
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

from ..errors import InputError, OutputExistsError
from ..files import check_writable

LOCK = '.converting'


@contextmanager
def converting(
    out: Path, *, folders: Iterable[str] = (), files: Iterable[str] = (), option: str = '--out-dir'
) -> Iterator[None]:
    """The right to convert into a folder, which is made, as long as the block lasts; asked for before the work begins.

    Processes that are forked meanwhile hold the lock too, so the folder stays locked while one that outlives this
    process still writes. Where a file system has no locks that is said, and the conversion goes on.

    Args:
        out: the folder.
        folders: what is to be a folder in it, by names relative to it.
        files: what is to be a file in it.
        option: of the command line, which names the folder.

    Raises:
        InputError: nothing can be written there, or another conversion is writing.
        OutputExistsError: a file is where a folder is to be, or the other way round.
    """
    check_writable(out, f'Name another folder with {option}, or free some space')
    for name in folders:
        _check_folder(out, Path(name), option)
    for name in files:
        if (out / name).is_dir():
            raise OutputExistsError(_in_the_way(out / name, 'folder', 'file', option))
    out.mkdir(parents=True, exist_ok=True)
    with (out / LOCK).open('a') as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise InputError(
                f'{out}: another conversion is writing here. Wait for it or end it, or name another folder with '
                f'{option}'
            ) from None
        except OSError as error:
            print(f'{out}: no locks in this file system ({error.strerror}); start no second conversion there')
        yield


def _check_folder(out: Path, name: Path, option: str) -> None:
    """OutputExistsError where a folder cannot be, or be made, as a file is there or above it."""
    for path in (out / part for part in (name, *name.parents)):
        if path.exists() and not path.is_dir():
            raise OutputExistsError(_in_the_way(path, 'file', 'folder', option))


def _in_the_way(path: Path, found: str, wanted: str, option: str) -> str:
    return (
        f'{path}: is a {found}, and the conversion makes a {wanted} of that name. Move it away, or name another folder '
        f'with {option}'
    )
