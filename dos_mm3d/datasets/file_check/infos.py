"""Whether an info file is of the data set and version that its config reads."""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ...errors import InputError, MissingFileError
from ...files import check_seal
from .checked_set import CheckedSet

INFO_VERSION = {'waymo': 'mmdet3d_v1.4'}
"""Of mmdet3d 1.4's infos: Waymo's changed their form after 1.1, the others did not."""


def check_infos(checked: CheckedSet, infos: dict, reader: str) -> None:
    """ValueError for infos of another data set or version, without frames, or of entries of another form."""
    metainfo, entries = infos.get('metainfo', {}), infos['data_list']
    again = f'Create it again with `python tools/create_data.py {checked.name}`, or correct data_root and ann_file.'
    of = str(metainfo.get('dataset', metainfo.get('DATASET', checked.name))).lower()
    if of != checked.name:
        raise InputError(
            f'{checked.info_file}: found infos of {of}; wanted those of {checked.name}, which {reader} reads. {again}'
        )
    wanted = INFO_VERSION.get(checked.name, '1.1')
    version = str(metainfo.get('info_version', wanted))
    if version != wanted:
        raise InputError(
            f'{checked.info_file}: found infos of version {version}; wanted {wanted}, that of mmdet3d 1.4. {again}'
        )
    if not entries:
        raise InputError(f'{checked.info_file}: found no frame; wanted one at least. {again}')
    points = entries[0].get('lidar_points') if isinstance(entries[0], dict) else None
    if not isinstance(points, dict) or 'lidar_path' not in points:
        found = sorted(entries[0]) if isinstance(entries[0], dict) else type(entries[0]).__name__
        raise InputError(
            f'{checked.info_file}: found entries of {found}; wanted lidar_points.lidar_path, as mmdet3d 1.1 and later '
            f'write them. {again}'
        )
    _check_tables(checked, metainfo)


def _check_tables(checked: CheckedSet, metainfo: Mapping[str, Any]) -> None:
    """FileNotFoundError where nuScenes infos were made of a version that is not there."""
    version, root = metainfo.get('version'), checked.root
    if checked.name != 'nuscenes' or version is None or os.path.isdir(os.path.join(root, version)):
        return
    there = sorted(name for name in os.listdir(root) if name.startswith('v1.0-'))
    raise MissingFileError(
        f'{os.path.join(root, version)}: no such folder, but {checked.info_file} was made of {version}; there: '
        f'{", ".join(there) or "none"}. Unpack its metadata, or run `python tools/create_data.py nuscenes --version '
        f'{there[0] if there else version}` for the version that you have.'
    )


def check_extras(checked: CheckedSet, dataset: Mapping[str, Any]) -> None:
    """FileNotFoundError for the database of objects to paste into scans, or a list of scans, that is not there;
    ValueError for a database that is no longer what was written."""
    databases = [(step.get('db_sampler') or {}).get('info_path') for step in dataset.get('pipeline') or ()]
    scans = dataset.get('scene_idxs')
    for path in (*databases, os.path.join(checked.root, scans) if isinstance(scans, str) else None):
        if path and not os.path.isfile(path):
            raise MissingFileError(
                f'{path}: no such file, which the config names (ObjectSample or scene_idxs). '
                f'`python tools/create_data.py {checked.name}` writes it; to train without, take it out of the config.'
            )
    for path in filter(None, databases):
        check_seal(path, Path(path).read_bytes(), f'Run `python tools/create_data.py {checked.name}` again.')
