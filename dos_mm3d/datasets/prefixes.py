"""Which data set a class reads, and in which folders it looks."""

import inspect
import os
from collections.abc import Mapping
from pathlib import PurePath
from typing import Any

NAMES = {'NuScenes': 'nuscenes', 'Waymo': 'waymo', 'SemanticKitti': 'semantickitti', 'ScanNet': 'scannet'}
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


def file_of_sweep(sweep: Mapping[str, Any], prefix: Mapping[str, str]) -> str:
    """Where an earlier sweep's file is: infos name it by the path at conversion; `prefix` has 'pts' and 'sweeps'."""
    path = PurePath(sweep['lidar_points']['lidar_path'])
    kind = 'pts' if 'samples' in path.parts[-3:] or 'sweeps' not in prefix else 'sweeps'
    return os.path.join(prefix[kind], path.name)
