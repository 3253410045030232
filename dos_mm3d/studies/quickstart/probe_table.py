"""The table of a linear probe."""

from collections.abc import Mapping
from typing import Any

from ...probe.rows import RAW_COLUMNS, TABLE_ROWS, TITLES
from ..runner.markdown import plus_minus

UNITS = {
    'probe': 'mIoU, IoU and their standard deviations in percent (0-100)',
    'detection': 'mAP, NDS and AP as fractions (0-1), as the nuScenes devkit prints them',
    'segmentation': 'mIoU and IoU as fractions (0-1), as mmdet3d prints them',
    'seconds': 'wall clock',
}
PROBE_ROWS = {name: TITLES[name] for name in TABLE_ROWS} | {
    'raw': RAW_COLUMNS,
    'handcrafted': 'hand-crafted pillar statistics + raw',
}


def probe_table(probe: Mapping[str, Any]) -> list[tuple[str, str, str]]:
    """(features, mIoU, gain over random + raw) per row that was run."""
    reference = probe['random_raw']['miou']
    rows = []
    for key, label in PROBE_ROWS.items():
        if key in probe:
            miou, sd = probe[key]['miou'], probe[key]['sd']
            rows.append((label, plus_minus(miou, sd), f'{miou - reference:+.1f}'))
    return rows
