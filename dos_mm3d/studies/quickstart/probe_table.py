"""The table of a linear probe."""

from collections.abc import Mapping
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
