"""mmdet3d's nuScenes detection data set, cut to a few whole scenes: fine-tuning with few labels."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from mmdet3d.datasets import NuScenesDataset
from mmdet3d.registry import DATASETS

from ..errors import InputError, MissingFileError
from ..spread import evenly_spread


@DATASETS.register_module()
class LabelledScenesDataset(NuScenesDataset):
    """NuScenesDataset that keeps the key frames of `labelled_scenes` scenes and drops all others.

    Key frames of one scene look alike, so labels are counted in scenes. The scenes are spread evenly over the sorted
    scene names of the annotation file: the same for the same file, whatever the seed. None keeps all of them.
    """

    def __init__(self, *args: Any, labelled_scenes: int | None, **kwargs: Any) -> None:
        """`labelled_scenes` >= 1; ValueError if the annotation file has fewer scenes. Other arguments as upstream."""
        self.labelled_scenes = labelled_scenes
        super().__init__(*args, **kwargs)

    def load_data_list(self) -> list[dict]:
        """The annotation file's entries that lie in the kept scenes, in the order of the file."""
        entries = super().load_data_list()
        if self.labelled_scenes is None:
            return entries
        scene_of_sample = read_scene_of_sample(Path(self.data_root) / self.metainfo['version'])
        present = [scene_of_sample[entry['token']] for entry in entries]
        kept = set(spread_evenly(sorted(set(present)), self.labelled_scenes))
        return [entry for entry, scene in zip(entries, present) if scene in kept]


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


def _read_table(path: Path) -> list[dict]:
    if not path.is_file():
        raise MissingFileError(
            f'{path}: no such nuScenes table; data_root must hold the tables that the infos came from'
        )
    return json.loads(path.read_text())
