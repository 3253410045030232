"""Whether the files that an info file names are there, whole, and belong together."""

import os
from collections.abc import Iterable, Iterator

import numpy as np

from ...errors import InputError, MissingFileError
from ...files import missing_files
from ..info_pickle import file_of_sweep
from .checked_set import CheckedSet

FLOAT_BYTES = 4


def all_files(checked: CheckedSet, entries: list[dict]) -> Iterator[str]:
    """Every file that will be read."""
    for info in entries:
        yield _points_file(checked, info)
        yield from _files_beside(checked, info)
        if checked.sweeps:
            for sweep in info.get('lidar_sweeps', ()):
                yield file_of_sweep(sweep, checked.prefix)


def check_presence(checked: CheckedSet, files: Iterable[str]) -> None:
    """FileNotFoundError that names the first file that is not there, and how many are not."""
    named = list(dict.fromkeys(files))
    if missing := missing_files(named):
        raise MissingFileError(
            f'{missing[0]}: missing, the first of {len(missing)} of {len(named)} files that {checked.info_file} names. '
            f'{checked.again}; or data_root ({checked.root}) is not where the data are.'
        )


def _count_points(checked: CheckedSet, info: dict) -> int:
    """The number of points of a frame; ValueError where its file is empty or ends within a point."""
    file = _points_file(checked, info)
    columns = checked.columns or info['lidar_points'].get('num_pts_feats')
    stated = info['lidar_points'].get('num_pts_feats', columns)
    if columns is None:
        return 0
    size, point_bytes = os.path.getsize(file), columns * FLOAT_BYTES
    if size == 0 or size % point_bytes:
        raise InputError(
            f'{file}: found {size} bytes; wanted a multiple of {point_bytes}, and not 0, for {columns} float32 columns '
            f'a point. The file is cut off. {checked.again}.'
        )
    if columns != stated:
        raise InputError(
            f'{checked.info_file}: found points of {stated} columns; the config loads {columns} (LoadPointsFromFile '
            f'load_dim). Take the config of this data set, or set load_dim={stated}.'
        )
    return size // point_bytes


def check_counts(checked: CheckedSet, info: dict) -> None:
    """ValueError where a frame's files have not as many points."""
    points, points_file = _count_points(checked, info), _points_file(checked, info)
    for file, item_bytes in _files_beside(checked, info).items():
        size = os.path.getsize(file)
        if points and size != points * item_bytes:
            raise InputError(
                f'{file if size < points * item_bytes else points_file}: too short; found {points} points in '
                f'{points_file} and {size / item_bytes:g} entries of {item_bytes} bytes in {file}; wanted as many. One '
                f'is cut off, or they are of different versions. {checked.again}.'
            )


def check_labels(checked: CheckedSet, info: dict, known: np.ndarray) -> None:
    """ValueError where a label file holds numbers that the data set does not define."""
    file = _label_file(checked, info)
    labels = np.fromfile(file, checked.label_type)
    labels = labels if checked.label_modulus is None else labels % checked.label_modulus
    strange = np.setdiff1d(labels, known)
    if len(strange):
        raise InputError(
            f'{file}: found labels {strange[:8].tolist()}; wanted numbers that {checked.name} defines, '
            f'{known.min()} to {known.max()}. The labels are of another version, were mapped to the classes of a '
            f'challenge, or have another type than {checked.label_type}. {checked.again}.'
        )


def _points_file(checked: CheckedSet, info: dict) -> str:
    return os.path.join(checked.prefix.get('pts', ''), info['lidar_points']['lidar_path'])


def _files_beside(checked: CheckedSet, info: dict) -> dict[str, int]:
    """File -> bytes for each point, of what is read beside a frame's points: labels, no-label zones, normals."""
    folder, name = os.path.split(_points_file(checked, info))
    files = {}
    if checked.label_type is not None and 'pts_semantic_mask_path' in info:
        files[_label_file(checked, info)] = checked.label_type.itemsize
    if checked.zones and 'no_label_zone_path' in info:
        files[os.path.join(os.path.dirname(folder), info['no_label_zone_path'])] = 1
    if checked.normals:
        files[os.path.join(os.path.dirname(folder), 'normals', name)] = 3 * FLOAT_BYTES
    return files


def _label_file(checked: CheckedSet, info: dict) -> str:
    return os.path.join(checked.prefix.get('pts_semantic_mask', ''), info['pts_semantic_mask_path'])
