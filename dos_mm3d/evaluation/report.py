"""JSON files written whole, and the table of a linear probe."""

import json
import math
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

UNITS = {
    'probe': 'mIoU, IoU and their standard deviations in percent (0-100)',
    'detection': 'mAP, NDS and AP as fractions (0-1), as the nuScenes devkit prints them',
    'segmentation': 'mIoU and IoU as fractions (0-1), as mmdet3d prints them',
    'seconds': 'wall clock',
}
PROBE_ROWS = {
    'raw': 'raw input (x, y, z, intensity, time lag)',
    'random': 'random initialisation',
    'random_raw': 'random + raw',
    'handcrafted': 'hand-crafted pillar statistics + raw',
    'dos': 'DOS (teacher)',
    'dos_student': 'DOS (student)',
    'dos_raw': 'DOS + raw',
    'dos_raw_handcrafted': 'DOS + raw + hand-crafted',
}


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
        raise FileNotFoundError(f'{path}: not there; run the stage that writes it (tools/quickstart.sh)')
    return json.loads(path.read_text())


def nan_to_none(value: Any) -> Any:
    """The same nested containers with NaN and infinities as None, which JSON can hold."""
    if isinstance(value, Mapping):
        return {key: nan_to_none(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [nan_to_none(item) for item in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value


def probe_table(probe: Mapping[str, Any]) -> list[tuple[str, str, str]]:
    """(features, mIoU, gain over random + raw) per row that was run."""
    reference = probe['random_raw']['miou']
    rows = []
    for key, label in PROBE_ROWS.items():
        if key in probe:
            sd = probe[key]['sd']
            spread = '' if sd is None else f' ± {sd:.1f}'
            rows.append((label, f'{probe[key]["miou"]:.1f}{spread}', f'{probe[key]["miou"] - reference:+.1f}'))
    return rows
