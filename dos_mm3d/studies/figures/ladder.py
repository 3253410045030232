"""A ladder as a picture: rows with their seeds over the baselines, and what each step bought."""

from collections.abc import Mapping
from typing import Any

from matplotlib.figure import Figure

from ...probe.rows import TITLES
from .protocols import draw_dots

COLUMNS = ({'name': 'miou', 'title': 'mIoU'}, {'name': 'difference', 'title': 'what a row changes, paired over seeds'})
X_TITLES = {'miou': 'mIoU [%]', 'difference': 'difference [points], 95 % interval; in colour where it leaves out 0'}


def draw_ladder(record: Mapping[str, Any]) -> Figure:
    """Baselines, then rows and the options that were run; a row without a finished cell keeps its place and says why.

    record: of `studies.ablation.record`.
    """
    rows = [
        {'title': TITLES[name], 'kind': 'scratch', 'entries': {'miou': _entry(found)}}
        for name, found in record['baselines'].items()
    ]
    for row in [*record['rows'], *(row for row in record['options'] if row['cells'])]:
        entries = {} if row['mean'] is None else {'miou': _entry(row)}
        if difference := row.get('difference'):
            entries['difference'] = {**difference, 'sd': None, 'values': {}}
        rows.append({'title': row['title'] + what_lacks(row), 'kind': 'pretrained', 'entries': entries})
    title = f'Linear probe on the {record["split"]} scenes after {record["steps"]} steps'
    return draw_dots(title, COLUMNS, rows, x_titles=X_TITLES)


def _entry(row: Mapping[str, Any]) -> dict[str, Any]:
    """mIoU of a row or a baseline, over its seeds where it has any."""
    seeds = row['seeds'] or [row['mean']]
    values = seeds if isinstance(seeds, Mapping) else dict(enumerate(seeds))
    return {'mean': row['mean'], 'sd': row['sd'], 'sd_over': 'seeds', 'values': values}


def what_lacks(row: Mapping[str, Any]) -> str:
    """` (2 collapsed at 140, 1 failed)`, or that none was run; nothing for whole rows."""
    lost = [cell for cell in row['cells'] if cell['status'] != 'finished']
    texts = [f'{cell["status"]} at {cell["step"]}' if 'step' in cell else cell['status'] for cell in lost]
    counts = {text: texts.count(text) for text in texts}
    if lost:
        return f' ({", ".join(f"{count} {text}" for text, count in counts.items())})'
    return '' if row['cells'] else ' (not run)'
