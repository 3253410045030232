"""Whether an info file is of the data set and version that its config reads."""

import os
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from ...errors import InputError, MissingFileError
from ..info_pickle import frames_of
from .checked_set import CheckedSet
from .objects import check_database

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
    # where the form has changed, infos that do not say which they are may be of either
    version = str(metainfo.get('info_version', 'unknown' if checked.name in INFO_VERSION else wanted))
    if version != wanted:
        raise InputError(
            f'{checked.info_file}: found infos of version {version}; wanted {wanted}, that of mmdet3d 1.4. {again}'
        )
    if not entries:
        raise InputError(f'{checked.info_file}: found no frame; wanted one at least. {again}')
    frames_of(infos, checked.info_file, data_set=checked.name)
    _check_tables(checked, metainfo)


SWEEPS = ('timestamp', 'lidar_points.lidar_path', 'lidar_points.lidar2sensor')
"""Of an earlier sweep, what mmdet3d's step takes from it."""


def check_keys(checked: CheckedSet, dataset: Mapping[str, Any], entries: Sequence[Mapping[str, Any]]) -> None:
    """InputError, naming the frame, where one has not what the steps of a pipeline take from infos: upstream that is a
    KeyError as soon as the frame comes."""
    steps = {step['type']: step for step in dataset.get('pipeline') or ()}
    boxes = _keys_of_boxes(checked, dataset, steps.get('LoadAnnotations3D', {}))
    merged = 'LoadPointsFromMultiSweeps' in steps and checked.sweeps
    for number, info in enumerate(entries):
        sweeps = info.get('lidar_sweeps', ()) if merged else ()
        wanted = [(info, 'timestamp')] if sweeps else []
        wanted += [(sweep, key) for sweep in sweeps for key in SWEEPS]
        wanted += [(box, key) for box in info.get('instances', ()) for key in boxes]
        if lacking := next((key for one, key in wanted if not _has(one, key)), None):
            raise InputError(
                f'{checked.info_file}: entry {number} of data_list has no {lacking}, which the pipeline reads of a '
                f'frame, its earlier sweeps or its boxes. {checked.again}.'
            )


def _keys_of_boxes(checked: CheckedSet, dataset: Mapping[str, Any], step: Mapping[str, Any]) -> list[str]:
    """What is read of every box: of a pipeline without LoadAnnotations3D nothing."""
    if not step.get('with_bbox_3d', bool(step)):
        return []
    keys = ['bbox_3d', 'bbox_label_3d']
    if checked.name == 'nuscenes':
        keys += ['velocity'] if dataset.get('with_velocity', True) else []
        keys += ['bbox_3d_isvalid' if dataset.get('use_valid_flag', False) else 'num_lidar_pts']
    return keys


def _has(entry: Mapping[str, Any], key: str) -> bool:
    for name in key.split('.'):
        if not isinstance(entry, Mapping) or name not in entry:
            return False
        entry = entry[name]
    return True


def check_indices(checked: CheckedSet, indices: Any, count: int) -> None:
    """InputError unless `indices` of a data set, of which upstream takes whatever comes, leave a frame of `count`."""
    if indices is None:
        return
    chosen = range(count)[:indices] if isinstance(indices, int) else indices
    whole = isinstance(chosen, Sequence) and all(isinstance(one, int) and -count <= one < count for one in chosen)
    if isinstance(indices, bool) or isinstance(chosen, str) or not whole or not chosen:
        raise InputError(
            f'indices={str(indices)[:80]}: {checked.info_file} has {count} frames; wanted how many of them, from the '
            f'first on, or a list of numbers from 0 to {count - 1}'
        )


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


LONGEST_LAG_S = 10.0
"""Between a frame and the sweeps before it."""


def check_sweeps(checked: CheckedSet, infos: Mapping[str, Any]) -> None:
    """InputError where earlier sweeps are read and no frame of the infos lists any: single sweeps would be taken for
    accumulated ones without a word. So would their lags be in another unit than seconds."""
    if checked.sweeps and not any(info.get('lidar_sweeps') for info in infos['data_list']):
        raise InputError(
            f'{checked.info_file}: none of its frames lists earlier sweeps, which the config reads. It was converted '
            f'with --max-sweeps 0: run `python tools/create_data.py {checked.name}` again; or read single sweeps: '
            'num_sweeps=1 (of a stream), no LoadPointsFromMultiSweeps (of a pipeline).'
        )
    # Waymo's are microseconds, by mmdet3d's own converter
    lags_s = sorted(_lags(infos['data_list'])) if checked.sweeps and checked.name == 'nuscenes' else []
    middle = lags_s[len(lags_s) // 2] if lags_s else LONGEST_LAG_S
    if not 0 < middle <= LONGEST_LAG_S:
        raise InputError(
            f'{checked.info_file}: half of the earlier sweeps lie {middle:g} or less before their frames; wanted '
            f'timestamps in seconds, so 0 to {LONGEST_LAG_S:g}: the time lag of a point is one of its channels. '
            f'{checked.again}.'
        )


def _lags(entries: Sequence[Mapping[str, Any]]) -> Iterator[float]:
    """How long each earlier sweep lies before its frame, of those that say so in numbers."""
    for info in entries:
        for sweep in info.get('lidar_sweeps', ()):
            times = info.get('timestamp'), sweep.get('timestamp') if isinstance(sweep, Mapping) else None
            if all(isinstance(time, int | float) for time in times):
                yield float(times[0] - times[1])


def check_extras(checked: CheckedSet, dataset: Mapping[str, Any]) -> None:
    """MissingFileError or InputError for the objects to paste into scans, or a list of scans, that are not there."""
    for step in dataset.get('pipeline') or ():
        if (step.get('db_sampler') or {}).get('info_path'):
            check_database(checked, step['db_sampler'])
    scans = dataset.get('scene_idxs')
    path = os.path.join(checked.root, scans) if isinstance(scans, str) else None
    if path and not os.path.isfile(path):
        raise MissingFileError(
            f'{path}: no such file, which the config names (scene_idxs). '
            f'`python tools/create_data.py {checked.name}` writes it; to train without, take it out of the config.'
        )
