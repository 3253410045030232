"""Which scene a key frame belongs to, and a few scenes of many."""

import json
from collections.abc import Sequence
from pathlib import Path

from ...errors import InputError, MissingFileError
from ...spread import evenly_spread


def read_scene_of_sample(tables: Path) -> dict[str, str]:
    """Scene name of every key frame's token, from the nuScenes tables `scene.json` and `sample.json` in a folder."""
    names = {scene['token']: scene['name'] for scene in _read_table(tables / 'scene.json')}
    return {sample['token']: names[sample['scene_token']] for sample in _read_table(tables / 'sample.json')}


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
    kept = spread_evenly(sorted({scene_of[entry['token']] for entry in entries}), count)
    return [entry for entry in entries if scene_of[entry['token']] in kept]


def _read_table(path: Path) -> list[dict]:
    if not path.is_file():
        raise MissingFileError(
            f'{path}: no such nuScenes table; data_root must hold the tables that the infos came from'
        )
    return json.loads(path.read_text())
