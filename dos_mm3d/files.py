"""Files that are written whole or not at all: everything that the package keeps goes through :func:`open_whole`."""

import hashlib
import json
import math
import os
import pickle
from collections.abc import Iterable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import IO, Any

from .errors import InputError, MissingFileError

_SEAL = b'\n# sha256 '
_SEAL_BYTES = len(_SEAL) + 2 * hashlib.sha256().digest_size + 1


@contextmanager
def open_whole(path: str | Path, mode: str = 'wb') -> Iterator[IO]:
    """Like open() for writing: ``path`` keeps its former content until all of the new one is on the disk.

    The content goes to a temporary file of the same folder, which is made where it is missing, and takes its name at
    the end. What a killed process left there is overwritten the next time: one process writes a file.
    """
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f'.{path.name}.tmp')
    try:
        with open(temporary, mode) as file:
            yield file
            _put_on_disk(file)
        os.replace(temporary, path)
    except OSError as error:
        if error.filename is None and error.errno is not None:  # of a write: the system does not say of which file
            raise OSError(error.errno, error.strerror, str(path)) from error
        raise
    finally:
        if temporary.exists():
            temporary.unlink()
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)  # the rename itself survives a power cut
    finally:
        os.close(folder)


def _put_on_disk(file: IO) -> None:
    file.flush()
    os.fsync(file.fileno())


def write_bytes(path: str | Path, content: bytes) -> None:
    """Write a file, whole or not at all."""
    with open_whole(path) as file:
        file.write(content)


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


def check_seal(path: str | Path, content: bytes, remedy: str) -> None:
    """InputError where what was read from a file ends with a sha256, and that is not its own.

    remedy: what to do then, a sentence.
    """
    pickled, seal = content[:-_SEAL_BYTES], content[-_SEAL_BYTES:]
    if seal.startswith(_SEAL) and sealed(pickled) != content:
        raise InputError(f'{path}: is damaged: what it holds does not fit its checksum. {remedy}')


def missing_files(paths: Iterable[str | Path]) -> list[str | Path]:
    """Those of ``paths`` that are not there, in order; one listing of each folder, not a look-up of each file."""
    there: dict[str, set[str]] = {}
    missing = []
    for path in paths:
        folder, name = os.path.split(path)
        if folder not in there:
            there[folder] = set(os.listdir(folder)) if os.path.isdir(folder) else set()
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
