"""sha256 of what numbers depend on."""

import hashlib
import json
from collections.abc import Iterable
from functools import cache
from pathlib import Path
from typing import Any


def content_hash(content: Any) -> str:
    """Of plain nested containers; the order of keys is irrelevant."""
    return hashlib.sha256(json.dumps(content, sort_keys=True, default=str).encode()).hexdigest()


def file_sha256(path: Path) -> str:
    """Of a file's bytes, read in pieces: checkpoints are large."""
    digest = hashlib.sha256()
    with open(path, 'rb') as file:
        while piece := file.read(2**20):
            digest.update(piece)
    return digest.hexdigest()


def files_sha256(paths: Iterable[Path]) -> str:
    """Of the bytes of several files, one after the other. A file that has not been written since is not read again."""
    found = [Path(path) for path in paths]
    return _joined_sha256(tuple(found), tuple(path.stat().st_mtime_ns for path in found))


@cache
def _joined_sha256(paths: tuple[Path, ...], written_ns: tuple[int, ...]) -> str:
    digest = hashlib.sha256()
    for path in paths:
        digest.update(path.read_bytes())
    return digest.hexdigest()
