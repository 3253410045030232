"""The record of a quickstart run: JSON files, and one table and plain sentences computed from their numbers."""

import json
import math
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

UNITS = {
    'probe': 'mIoU, IoU and their standard deviations in percent (0-100)',
    'detection': 'mAP, NDS and AP as fractions (0-1), as the nuScenes devkit prints them',
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


def detection_table(detection: Mapping[str, Any]) -> list[tuple[str, str, str, str]]:
    """(start, mAP, NDS, car AP) of both detectors; a paired difference where more than one seed was run."""
    labels = {'scratch': 'CenterPoint from scratch', 'dos': 'CenterPoint from DOS weights'}
    return [
        (label, f'{run["mAP"]:.3f}', f'{run["NDS"]:.3f}', f'{run["AP"].get("car", math.nan):.3f}')
        for key, label in labels.items()
        for run in [detection[key]]
    ]


def plain_table(report: Mapping[str, Any]) -> str:
    """The one table that the quickstart prints, and the conclusions below it."""
    rows = [('linear probe, mIoU [%]', '', 'over random + raw'), *probe_table(report['probe'])]
    width = max(len(row[0]) for row in rows)
    lines = [f'{name:<{width}}  {value:>13}  {gain:>17}' for name, value, gain in rows]
    lines += ['-' * len(lines[0]), f'{"detection, official devkit":<{width}}  {"mAP":>6} {"NDS":>6} {"AP car":>7}']
    lines += [
        f'{name:<{width}}  {mAP:>6} {nds:>6} {car:>7}' for name, mAP, nds, car in detection_table(report['detection'])
    ]
    return '\n'.join(['', *lines, '', *conclusions(report), ''])


def conclusions(report: Mapping[str, Any]) -> list[str]:
    """What was and what was not better, in plain sentences, from the numbers alone."""
    probe, detection = report['probe'], report['detection']
    lines = [_compared(probe, other) for other in ('random', 'random_raw', 'handcrafted', 'raw')]
    lines.append(_detection_sentence(detection))
    return lines


def _compared(probe: Mapping[str, Any], other: str) -> str:
    gain = probe['dos']['miou'] - probe[other]['miou']
    verb = 'beats' if gain > 0 else 'does not beat'
    numbers = f'{probe["dos"]["miou"]:.1f} against {probe[other]["miou"]:.1f} mIoU ({gain:+.1f} points)'
    return f'Linear probe: DOS {verb} {PROBE_ROWS[other]}: {numbers}.'


def _detection_sentence(detection: Mapping[str, Any]) -> str:
    differences = [seed['mAP_difference'] for seed in detection['seeds']]
    mean = sum(differences) / len(differences)
    if len(differences) == 1:
        found = 'a gain' if mean > 0 else 'no gain'
        numbers = f'mAP {mean:+.3f}, NDS {detection["seeds"][0]["NDS_difference"]:+.3f}'
        return f'Detection: {found} at this size ({numbers} with DOS weights). One seed only, which may be chance.'
    same_sign = all(d > 0 for d in differences) or all(d < 0 for d in differences)
    agreement = 'all seeds agree in sign' if same_sign else 'the seeds disagree in sign, so this is no clear difference'
    each = ', '.join(f'{d:+.3f}' for d in differences)
    return (
        f'Detection: mAP {mean:+.3f} with DOS weights, mean of {len(differences)} paired seeds ({each}); {agreement}.'
    )
