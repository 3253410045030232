"""Files written whole or not at all."""

import json
import math
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from .errors import MissingFileError


def write_json(path: str | Path, content: Mapping[str, Any]) -> None:
    """Write whole or not at all; NaN is refused, since it is not JSON (ValueError)."""
    write_text(path, json.dumps(content, indent=1, allow_nan=False))


def write_text(path: str | Path, text: str) -> None:
    """Write whole or not at all: temporary file, fsync, rename."""
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f'.{path.name}.tmp')
    with open(temporary, 'w') as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    temporary.replace(path)


def read_json(path: str | Path) -> dict[str, Any]:
    """The content of a JSON file; FileNotFoundError says which stage writes it."""
    path = Path(path)
    if not path.is_file():
        raise MissingFileError(f'{path}: not there; run the stage that writes it (tools/quickstart.sh)')
    return json.loads(path.read_text())


def nan_to_none(value: Any) -> Any:
    """The same nested containers with NaN and infinities as None, which JSON can hold."""
    if isinstance(value, Mapping):
        return {key: nan_to_none(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [nan_to_none(item) for item in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value
