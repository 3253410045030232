"""Files that are written whole or not at all: everything that the package keeps goes through :func:`open_whole`."""

import argparse
import fcntl
import hashlib
import io
import json
import math
import os
import pickle
import re
import secrets
import shutil
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from functools import cache
from pathlib import Path
from typing import IO, Any

import numpy as np

from .errors import InputError, MissingFileError, OutputExistsError


class PathArgumentError(InputError, argparse.ArgumentTypeError):
    """A path of a command line that names nothing; argparse shows the text, of other errors it would not."""


_SEAL = b'\n# sha256 '
_SEAL_BYTES = len(_SEAL) + 2 * hashlib.sha256().digest_size + 1


NEW_S = 0.1
"""What is newer may be of a process that is just about to hold it."""
_UNFINISHED = re.compile(r'\..+\.[0-9a-f]{16}\.tmp')


@contextmanager
def open_whole(path: str | Path, mode: str = 'wb') -> Iterator[IO]:
    """Like open() for writing: ``path`` keeps its former content until all of the new one is on the disk.

    The content goes to a temporary file of the same folder, which is made where it is missing, and takes its name at
    the end. Of two processes that write one file the last to end has it. What a killed one left goes when the next
    writes into the folder.
    """
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = _unfinished(path)
    try:
        with open(temporary, mode.replace('w', 'x')) as file:
            _hold(file.fileno())
            yield file
            _put_on_disk(file)
            os.replace(temporary, path)
    except OSError as error:
        if error.filename is None and error.errno is not None:  # of a write: the system does not say of which file
            raise OSError(error.errno, error.strerror, str(path)) from error
        raise
    finally:
        temporary.unlink(missing_ok=True)
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)  # the rename itself survives a power cut
    finally:
        os.close(folder)


@contextmanager
def whole_folder(path: str | Path) -> Iterator[Path]:
    """A new folder, empty, that takes the name ``path`` when all that is written into it is there.

    What a killed process left of it goes when the next writes beside it.
    """
    path = Path(path)
    temporary = _unfinished(path)
    temporary.mkdir(parents=True)
    handle = os.open(temporary, os.O_RDONLY)
    try:
        _hold(handle)
        yield temporary
        os.rename(temporary, path)
    finally:
        os.close(handle)
        shutil.rmtree(temporary, ignore_errors=True)


def _unfinished(path: Path) -> Path:
    """A name beside `path` that nothing else has."""
    remove_unfinished(path.parent.absolute())
    return path.with_name(f'.{path.name}.{secrets.token_hex(8)}.tmp')


@cache
def remove_unfinished(folder: Path) -> None:
    """Remove from a folder what killed processes left of files and folders that they were writing, and nothing else.

    It is known by its name, and by nobody holding it: what a process is writing now stays. Once in each process, which
    may write a hundred thousand files into one folder.
    """
    try:
        names = os.listdir(folder)
    except OSError:  # none there, or none of ours
        return
    for path in [folder / name for name in names if _UNFINISHED.fullmatch(name)]:
        with suppress(OSError):  # held, gone meanwhile, or another user's
            if time.time() - path.lstat().st_mtime < NEW_S:
                continue
            handle = os.open(path, os.O_RDONLY | os.O_NOFOLLOW)
            try:
                fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
                shutil.rmtree(path) if path.is_dir() else path.unlink()
            finally:
                os.close(handle)


def _hold(handle: int) -> None:
    """Show that a process lives that writes here; some file systems have no locks, and there leftovers stay."""
    with suppress(OSError):
        fcntl.flock(handle, fcntl.LOCK_EX)


def _put_on_disk(file: IO) -> None:
    file.flush()
    os.fsync(file.fileno())


def write_bytes(path: str | Path, content: bytes) -> None:
    """Write a file, whole or not at all."""
    with open_whole(path) as file:
        file.write(content)


def write_npz(path: str | Path, **arrays: Any) -> None:
    """Write an archive of arrays, whole or not at all. It is put together in memory: on a full disk zipfile would print
    a traceback of its own."""
    content = io.BytesIO()
    np.savez(content, **arrays)
    write_bytes(path, content.getvalue())


def write_text(path: str | Path, text: str) -> None:
    """Write a text file in UTF-8, whole or not at all."""
    write_bytes(path, text.encode())


def write_json(path: str | Path, content: Any, *, indent: int | None = 1) -> None:
    """Write a JSON file, whole or not at all; NaN is refused, since it is not JSON (ValueError)."""
    write_text(path, json.dumps(content, indent=indent, allow_nan=False))


def write_pickle(path: str | Path, content: Any) -> None:
    """Write a pickle, whole or not at all, with its sha256 behind it (:func:`sealed`)."""
    write_bytes(path, sealed(pickle.dumps(content)))


def sealed(content: bytes) -> bytes:
    """A pickle with its sha256 behind it, where whoever unpickles it does not look; in the pickle itself a bit that
    flipped, on a disk or on the way, does not show."""
    return content + _SEAL + hashlib.sha256(content).hexdigest().encode() + b'\n'


def check_seal(path: str | Path, content: bytes, remedy: str) -> bytes:
    """The content of a file without the sha256 behind it, all of it where there is none; InputError where it does not
    fit.

    remedy: what to do then, a sentence.
    """
    pickled, seal = content[:-_SEAL_BYTES], content[-_SEAL_BYTES:]
    if seal.startswith(_SEAL) and sealed(pickled) != content:
        raise InputError(f'{path}: is damaged: what it holds does not fit its checksum. {remedy}')
    return pickled if seal.startswith(_SEAL) else content


def home_path(text: str | Path) -> Path:
    """A path of a command line; its `~` is the home folder: shells leave it as it is in --out=~/x.

    PathArgumentError for an empty one, which a variable of a script that is not set leaves: it would mean the current
    folder.
    """
    if not str(text):
        raise PathArgumentError('an empty path: say . for the current folder')
    return Path(os.path.expanduser(text))


def output_path(text: str | Path) -> Path:
    """A path of a command line that names a file to write. PathArgumentError for `newdir/`, which names a folder:
    `Path` drops the stroke, and a file would stand where one was meant to lie in it."""
    if os.path.basename(text) in ('', '.', '..') and str(text):
        raise PathArgumentError(f'{text} names a folder; name a file to write, such as {os.path.join(text, "NAME")}')
    return home_path(text)


def check_output(path: str | Path, *inputs: str | Path | None, ours: Callable[[Path], bool]) -> None:
    """Whether a file can be written here, asked before the work begins that ends in it.

    Args:
        path: the file to write.
        inputs: files that are read, in whatever way they are named; None is none.
        ours: whether a file that is there is an older result of the same kind, the only thing that is replaced.

    Raises:
        OutputExistsError: something else is there; an input above all.
        InputError: the path is a folder, or nothing can be written into its folder.
    """
    path = output_path(path)
    path = path.parent.resolve() / path.name  # new/../x is x once new is made
    if path.is_dir():
        raise InputError(f'{path}: is a folder; name a file to write')
    for source in (home_path(source) for source in inputs if source is not None):
        if path.exists() and source.exists() and path.samefile(source):
            raise OutputExistsError(
                f'{path}: would replace the checkpoint, config or data that it is made from ({source}); name another'
                ' file'
            )
    if os.path.lexists(path) and not (path.is_file() and ours(path)):
        raise OutputExistsError(
            f'{path}: is there already and is no older result of this kind, so it is not replaced; name another file, '
            'or remove it'
        )
    check_writable(path.parent)


def check_writable(folder: str | Path, advice: str = 'Name another place, or free some space') -> None:
    """InputError, with the advice, unless a file can be written into a folder, which may have to be made first."""
    there = next(parent for parent in (Path(folder).absolute(), *Path(folder).absolute().parents) if parent.exists())
    try:
        with tempfile.NamedTemporaryFile(dir=there) as file:
            file.write(bytes(4096))
            _put_on_disk(file)
    except OSError as error:
        raise InputError(f'{folder}: nothing can be written there ({error.strerror}: {there}). {advice}.') from error


def holds_record(*names: str, **values: Any) -> Callable[[Path], bool]:
    """A question for :func:`check_output`: whether a file is a JSON object with entries of these names, and with these
    values."""

    def asked(path: Path) -> bool:
        found = _json_object(path)
        return found is not None and set(names) <= found.keys() and values.items() <= found.items()

    return asked


def holds_numbers(path: Path) -> bool:
    """Whether a file is a JSON object of numbers alone, null among them, as metrics are."""
    found = _json_object(path)
    return found is not None and all(value is None or isinstance(value, int | float) for value in found.values())


def _json_object(path: Path) -> dict[str, Any] | None:
    """None for a file that is none."""
    try:
        found = json.loads(path.read_text())
    except (ValueError, OSError, RecursionError):
        return None
    return found if isinstance(found, dict) else None


def holds_picture(path: Path) -> bool:
    """Whether a file is a PNG."""
    with open(path, 'rb') as file:
        return file.read(8) == b'\x89PNG\r\n\x1a\n'


def missing_files(paths: Iterable[str | Path]) -> list[str | Path]:
    """Those of ``paths`` that are no files, in order; one listing of each folder, not a look-up of each file."""
    there: dict[str, set[str]] = {}
    missing = []
    for path in paths:
        folder, name = os.path.split(path)
        if folder not in there:
            found = os.scandir(folder or '.') if os.path.isdir(folder or '.') else ()
            there[folder] = {entry.name for entry in found if entry.is_file()}
        if name not in there[folder]:
            missing.append(path)
    return missing


def write_together(contents: Mapping[Path, bytes | None]) -> None:
    """Write several files, none of which gets its name before all are complete; those of content None are removed."""
    with ExitStack() as stack:
        for path, content in contents.items():
            if content is not None:
                file = stack.enter_context(open_whole(path))
                file.write(content)
                _put_on_disk(file)  # a full disk shows here, before the first has its name
    for path, content in contents.items():
        if content is None and path.exists():
            path.unlink()


def read_json(path: str | Path) -> Any:
    """The content of a JSON file; FileNotFoundError where there is none."""
    path = Path(path)
    if not path.is_file():
        raise MissingFileError(f'{path}: no such file; run what writes it first, or correct the path')
    return json.loads(path.read_text())


def nan_to_none(value: Any) -> Any:
    """The same nested containers with NaN and infinities as None, which JSON can hold."""
    if isinstance(value, Mapping):
        return {key: nan_to_none(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [nan_to_none(item) for item in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value
