"""The page about the weights that ship, docs/model_zoo.md, from their index."""

from collections.abc import Mapping
from typing import Any

from ..runner.markdown import NOT_RUN, markdown_table, plus_minus
from .models import ZOO, ZooModel

NOT_THERE = 'Not there yet.'
POINTS_OF_OLD = 100  # of entries that were made when there was no other number
PROBES = {
    'embedded_nuscenes': 'embedded nuScenes',
    'real_nuscenes': 'real frames of nuScenes',
    'real_semantickitti': 'real frames of SemanticKITTI',
}
"""Name of a probe -> title; every card has these, run or not."""


def zoo_table(entries: Mapping[str, Mapping[str, Any]]) -> str:
    """One line a name: what there is, and what is not there yet."""
    header = ('weights', 'network', 'parameters', 'bytes', 'steps', 'sha256 of the file')
    return markdown_table(header, [table_row(name, model, entries.get(name)) for name, model in ZOO.items()])


def table_row(name: str, model: ZooModel, entry: Mapping[str, Any] | None) -> tuple[str, ...]:
    """Of one name; cells of what has not been trained say so."""
    if entry is None:
        return f'`{name}`', model.title, *[NOT_RUN] * 4
    counts = f'{entry["exported"]["parameters"] / 1e6:.1f} M', f'{entry["bytes"]}', f'{entry["steps"]}'
    return f'`weights/{entry["file"]}`', model.title, *counts, f'`{entry["sha256"][:16]}`'


def model_cards(entries: Mapping[str, Mapping[str, Any]]) -> str:
    """A section a name."""
    return '\n\n'.join(
        f'### {name}: {model.title}\n\n{card(model, entries[name]) if name in entries else not_there(model)}'
        for name, model in ZOO.items()
    )


def not_there(model: ZooModel) -> str:
    """Of weights that have not been trained."""
    return f'{NOT_THERE} Config: `{model.pretraining}`. Fits {model.fits}.'


def card(model: ZooModel, entry: Mapping[str, Any]) -> str:
    """Data, training, input, numbers and limits of one file."""
    exported, data = entry['exported'], entry['data']
    ranks = ', as ranks within the scan (`IntensityRanks`)' if exported['intensity_ranks'] else ''
    size = ' x '.join(f'{edge:g}' for edge in exported['voxel_size'])
    facts = [
        f'**Fits** {model.fits}. Configs: {", ".join(f"`{path}`" for path in model.downstream)}.',
        f'**Input**: {", ".join(exported["input_channels"])}{ranks}; voxels of {size} m in '
        f'{exported["point_cloud_range"]} m.',
        f'**Data**: {data["sweeps"]} procedural scans of {data["scenes"]} scenes, no recorded one, no label; licence '
        f'{entry["licence"]}.',
        f'**Training**: `{model.pretraining}`, {entry["steps"]} steps, {entry["seconds"]} s, device '
        f'{entry["machine"]["device"]}, torch {entry["versions"]["torch"]}; file made at commit `{entry["commit"]}`.',
        f'**File**: {entry["bytes"]} bytes, sha256 `{entry["sha256"]}`; half precision changes features by '
        f'{exported["half_difference"]:.1e} (relative).',
        f'**Limits**: {model.limits}',
    ]
    names = dict.fromkeys([*PROBES, *entry['probes']])
    probes = [probe_table(PROBES.get(name, name), entry['probes'].get(name)) for name in names]
    return '\n'.join(f'- {fact}' for fact in facts) + '\n\n' + '\n\n'.join(probes)


def probe_table(title: str, probe: Mapping[str, Any] | None) -> str:
    """The rows of one record, the weights among what needs no pretraining."""
    if probe is None:
        return f'Probe, {title}: {NOT_RUN}.'
    columns = probe['columns']
    rows = [
        (name, *(plus_minus(**entries[column]) if column in entries else NOT_RUN for column in columns))
        for name, entries in probe['rows'].items()
    ]
    table = markdown_table(('features', *columns.values()), rows)
    count = probe.get('points_per_class', POINTS_OF_OLD)
    points = f', {count} points of a class in a scan' if count else ''
    points += ''.join(f', {count} in an embedded one' for count in probe.get('points_per_class_embedded', ()))
    what = f'{probe["title"]}, {title}, {probe["metric"]}, {probe["split"]} split{points}'
    return f'{what} (`{probe["record"]}`):\n\n{table}'
