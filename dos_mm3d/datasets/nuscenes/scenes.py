"""Which scene a key frame belongs to, and a few scenes of many."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from ...errors import InputError
from ...spread import evenly_spread
from .tables import check_references, read_table


def tables_of(data_root: str | Path, metainfo: Mapping[str, Any]) -> Path:
    """Folder of the tables that infos were made of; InputError where these do not say which."""
    if not metainfo.get('version'):
        raise InputError(
            f'{data_root}: the infos do not say of which version they are (metainfo.version); create them again with '
            '`python tools/create_data.py nuscenes`.'
        )
    return Path(data_root, metainfo['version'])


def read_scene_of_sample(tables: Path) -> dict[str, str]:
    """Scene name of every key frame's token, from the nuScenes tables `scene.json` and `sample.json` in a folder."""
    names = {scene['token']: scene['name'] for scene in read_table(tables / 'scene.json', {'token': str, 'name': str})}
    samples = read_table(tables / 'sample.json', {'token': str, 'scene_token': str})
    check_references(tables / 'sample.json', samples, 'scene_token', set(names))
    return {sample['token']: names[sample['scene_token']] for sample in samples}


def spread_evenly(names: Sequence[str], count: int) -> list[str]:
    """`count` of `names` at equal distances, first and last included where count > 1; ValueError if there are fewer."""
    if not 1 <= count <= len(names):
        raise InputError(
            f'labelled_scenes is {count}, the annotation file has {len(names)} scenes; wanted 1 to that many'
        )
    return evenly_spread(names, count)


def in_few_scenes(entries: Sequence[dict], tables: Path, count: int | None) -> list[dict]:
    """The entries (of an info file) in `count` of their scenes, spread evenly over the sorted names; None: all."""
    if count is None:
        return list(entries)
    scene_of = read_scene_of_sample(tables)
    strangers = [str(entry.get('token')) for entry in entries if entry.get('token') not in scene_of]
    if strangers:
        raise InputError(
            f'{tables}: found {len(strangers)} of {len(entries)} frames of the infos not in sample.json, first '
            f'{strangers[0][:40]}; wanted the tables that the infos were made from. Check data_root and ann_file.'
        )
    kept = spread_evenly(sorted({scene_of[entry['token']] for entry in entries}), count)
    return [entry for entry in entries if scene_of[entry['token']] in kept]
