"""mmdet3d's nuScenes detection data set with few labels: a few whole scenes, or every n-th key frame."""

from typing import Any

from mmdet3d.datasets import NuScenesDataset
from mmdet3d.registry import DATASETS

from ...errors import InputError
from .scenes import in_few_scenes, tables_of


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
        return in_few_scenes(entries, tables_of(self.data_root, self.metainfo), self.labelled_scenes)


@DATASETS.register_module()
class EveryNthNuScenesDataset(NuScenesDataset):
    """NuScenesDataset that keeps one key frame in `load_interval`, the first one included, in order of time.

    `load_interval` and the order are those of mmdet3d before 1.0, which the 20 % protocol (NOMAE: every fifth frame)
    comes from. Neighbouring key frames look alike: for few labels in the strict sense see LabelledScenesDataset."""

    def __init__(self, *args: Any, load_interval: int, **kwargs: Any) -> None:
        """`load_interval` >= 1, 1 keeps all; ValueError for other numbers. Other arguments as upstream."""
        if not isinstance(load_interval, int) or load_interval < 1:
            raise InputError(f'load_interval must be a whole number of at least 1, got {load_interval!r}')
        self.load_interval = load_interval
        super().__init__(*args, **kwargs)

    def load_data_list(self) -> list[dict]:
        """Every `load_interval`-th of the annotation file's entries, sorted by time."""
        entries = sorted(super().load_data_list(), key=lambda entry: entry['timestamp'])
        return entries[:: self.load_interval]
