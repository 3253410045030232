"""What a data set's config says of its files: which data set it is, where they lie, what is read of a frame."""

import inspect
import os
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from ..labelled_points import LabelledPoints

NAMES = {
    'NuScenes': 'nuscenes',
    'Waymo': 'waymo',
    'SemanticKitti': 'semantickitti',
    'ScanNet': 'scannet',
    'Kitti': 'kitti',
}
"""Beginning of the names of a data set's classes, mmdet3d's and ours -> its name for tools/create_data.py."""


def data_set_name(cls: type) -> str | None:
    """Name of the data set of a class or of the first class above it whose name tells; None where none does."""
    for parent in cls.__mro__:
        for beginning, name in NAMES.items():
            if parent.__name__.startswith(beginning):
                return name
    return None


def data_prefixes(cls: type, dataset: Mapping[str, Any]) -> dict[str, str]:
    """Kind of file -> folder, data_root included: the config's own, else those that the class falls back to."""
    own = getattr(cls, 'DATA_PREFIX', None)
    stated = dict(dataset.get('data_prefix') or {})
    if own is None and not stated:
        default = inspect.signature(cls.__init__).parameters.get('data_prefix')
        stated = dict(default.default) if default is not None and isinstance(default.default, dict) else {}
    prefix = {**(own or {}), **stated}
    return {kind: os.path.join(dataset.get('data_root') or '', folder) for kind, folder in prefix.items()}


UNPACK = {
    'semantickitti': 'Unpack data_odometry_velodyne.zip (cvlibs.net, KITTI odometry), or data_odometry_labels.zip '
    '(semantic-kitti.org) for labels, again'
}
"""What to do about a broken file, where there is more to say than for any data set."""


@dataclass(frozen=True)
class CheckedSet:
    """A data set of a config, whose files are looked at, and what is read of a frame.

    Args:
        name: as tools/create_data.py calls it.
        root: folder that the paths are relative to.
        info_file: path of its infos.
        prefix: kind of file -> folder.
        columns: of the point files; None: what the infos say.
        sweeps: whether earlier sweeps are read, too.
        label_type: numpy type of a label; None where none are read.
        label_modulus: of the part of a label that is the class; None: all of it.
        zones: whether no-label zones are read, too.
        normals: whether normals are.
    """

    name: str
    root: str
    info_file: str
    prefix: Mapping[str, str]
    columns: int | None = None
    sweeps: bool = False
    label_type: np.dtype | None = None
    label_modulus: int | None = None
    zones: bool = False
    normals: bool = False

    @property
    def again(self) -> str:
        """What to do about a file."""
        unpack = UNPACK.get(self.name, 'Unpack or download that part of the data set again')
        return f'{unpack}, then run `python tools/create_data.py {self.name}` (docs/data/{self.name}.md)'


def what_is_read(dataset: Mapping[str, Any]) -> dict[str, Any]:
    """Those fields of CheckedSet that the loading steps of a config's pipeline tell; without any, what our unlabelled
    views do."""
    steps = {step['type']: step for step in dataset.get('pipeline') or ()}
    read = {
        'sweeps': dataset.get('num_sweeps', 1) > 1 or not dataset.get('key_frames_only', True),
        'zones': 'DropNoLabelZone' in steps,
        'normals': 'LoadScanNormals' in steps,
    }
    if 'LoadPointsFromFile' in steps:
        read['columns'] = steps['LoadPointsFromFile'].get('load_dim', 6)
    if 'LoadPointsFromMultiSweeps' in steps:
        read['sweeps'] = steps['LoadPointsFromMultiSweeps'].get('sweeps_num', 10) > 0
    labels = steps.get('LoadAnnotations3D', {})
    if labels.get('with_seg_3d'):
        read['label_type'] = np.dtype(labels.get('seg_3d_dtype', 'np.int64').removeprefix('np.'))
        read['label_modulus'] = labels.get('seg_offset') if labels.get('dataset_type') == 'semantickitti' else None
    return read


def known_labels(cls: type, dataset: Mapping[str, Any], infos: Mapping[str, Any]) -> np.ndarray | None:
    """(L,) sorted numbers that a data set's config, class or tables define; None where none of them says so."""
    metainfo = dataset.get('metainfo') or {}
    if issubclass(cls, LabelledPoints):
        return cls.label_numbers(dataset['data_root'], infos['metainfo'])
    if 'seg_label_mapping' in metainfo:
        return np.array(sorted(metainfo['seg_label_mapping']))
    numbers = getattr(cls, 'METAINFO', {}).get('seg_all_class_ids')
    return None if numbers is None else np.arange(max(numbers) + 1)
