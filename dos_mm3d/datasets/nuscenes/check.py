"""Whether a download of nuScenes holds what mmdet3d's converter reads, looked at before it begins."""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from nuscenes.utils import splits

from ...errors import InputError, MissingFileError
from ...files import missing_files
from ...spread import evenly_spread
from ..readers import read_sweep
from .tables import AGAIN, check_distinct, check_numbers, check_references, check_rotations, read_table

SCENES = {
    'v1.0-trainval': (splits.train, splits.val),
    'v1.0-test': (splits.test, []),
    'v1.0-mini': (splits.mini_train, splits.mini_val),
}
"""Version -> names of its scenes for training (testing) and validation."""
SPLIT_NAMES = {'v1.0-trainval': ('train', 'val'), 'v1.0-test': ('test',), 'v1.0-mini': ('mini_train', 'mini_val')}
TABLES = (
    *('category', 'attribute', 'visibility', 'instance', 'sensor', 'calibrated_sensor', 'ego_pose', 'log'),
    *('scene', 'sample', 'sample_data', 'sample_annotation', 'map'),
)
CAMERAS = ('CAM_FRONT', 'CAM_FRONT_RIGHT', 'CAM_FRONT_LEFT', 'CAM_BACK', 'CAM_BACK_LEFT', 'CAM_BACK_RIGHT')
CHANNELS = {'LIDAR_TOP', *CAMERAS}
REFERENCES = {
    'sample': {'scene_token': 'scene'},
    'scene': {'log_token': 'log', 'first_sample_token': 'sample'},
    'instance': {'category_token': 'category'},
    'calibrated_sensor': {'sensor_token': 'sensor'},
    'sample_annotation': {'sample_token': 'sample', 'instance_token': 'instance'},
    'sample_data': {
        'sample_token': 'sample',
        'ego_pose_token': 'ego_pose',
        'calibrated_sensor_token': 'calibrated_sensor',
    },
}
"""Table -> field -> the table whose tokens it holds."""
NUMBERS = {
    'calibrated_sensor': {'translation': 3},
    'ego_pose': {'translation': 3},
    'sample_annotation': {'translation': 3, 'size': 3},
}
OTHER_FIELDS = {
    'scene': {'name': str},
    'category': {'name': str},
    'sensor': {'channel': str},
    'log': {'logfile': str, 'location': str},
    'sample': {'timestamp': int},
    'map': {'filename': str, 'log_tokens': list},
    'sample_annotation': {'num_lidar_pts': int, 'num_radar_pts': int, 'prev': str, 'next': str},
    'sample_data': {'filename': str, 'is_key_frame': bool, 'timestamp': int, 'prev': str, 'next': str},
}
POINT_BYTES, POINT_COLUMNS = 20, 5
FILES_READ = 3
UPRIGHT = 0.5  # of the z axis of a pose along that of the world
GAP_US = (1e3, 1e7)
"""Between a sweep and the one before: 0.05 s of nuScenes' own, 0.5 s of its key frames."""
LABEL_FILES = {'lidarseg': '.bin', 'panoptic': '.npz'}


def check_nuscenes(root: Path, version: str, max_sweeps: int) -> None:
    """MissingFileError or InputError, naming the file and the remedy, for what the converter would stumble over."""
    if version not in SCENES:
        raise InputError(f'version must be one of {sorted(SCENES)}, got {version!r}')
    if max_sweeps < 0:
        raise InputError(f'max_sweeps must be 0 or more, got {max_sweeps}')
    _find_tables(root, version)
    tables = _read_tables(root / version)
    _check_scenes(root / version, tables['scene'], version)
    _check_times(root / version / 'sample_data.json', tables['sample_data'])
    _check_boxes(root / version / 'sample_annotation.json', tables['sample_annotation'])
    _check_upright(root / version / 'ego_pose.json', tables['ego_pose'])
    _check_sensors(root, version, tables, max_sweeps)
    check_official_tables(root, version)
    _check_label_lengths(root, version, tables['sample_data'])


def check_official_tables(root: Path, version: str) -> None:
    """MissingFileError or InputError, naming the file, for what the devkit wants to see when it opens a data set."""
    _find_tables(root, version)
    _check_maps(root, read_table(root / version / 'map.json', OTHER_FIELDS['map']))
    _check_label_files(root, version)


def _find_tables(root: Path, version: str) -> None:
    """MissingFileError that says what lies there instead."""
    if not root.is_dir():
        raise MissingFileError(f'{root}: no such folder; write the embedded data set with tools/create_synthetic.py')
    missing = [
        str(root / version / f'{name}.json') for name in TABLES if not (root / version / f'{name}.json').is_file()
    ]
    if not missing:
        return
    hint = f'Give the folder that holds {version}/'
    if others := sorted(name for name in SCENES if (root / name).is_dir() and name != version):
        hint = f'There is {", ".join(others)}: --version {others[0]}'
    elif nested := sorted(path.parents[1] for path in root.glob(f'*/{version}/scene.json')):
        hint = f'It is in {nested[0]}: give that'
    elif (root / 'scene.json').is_file():
        hint = f'These are the tables themselves: give {root.absolute().parent}'
    elif (root / version).is_dir():
        hint = 'Unpack the metadata again'
    raise MissingFileError(f'{root} is not a nuScenes {version}: missing {", ".join(missing)}. {hint}.')


def _read_tables(folder: Path) -> dict[str, list[dict[str, Any]]]:
    """Name -> records, their fields and what they refer to checked."""
    tables = {}
    for name in TABLES:
        fields = {'token': str, **dict.fromkeys(REFERENCES.get(name, ()), str), **OTHER_FIELDS.get(name, {})}
        tables[name] = read_table(folder / f'{name}.json', fields)
        check_distinct(folder / f'{name}.json', tables[name], 'token')
        for field, count in NUMBERS.get(name, {}).items():
            check_numbers(folder / f'{name}.json', tables[name], field, count)
        if name in NUMBERS:
            check_rotations(folder / f'{name}.json', tables[name])
    for name in ('scene', 'category'):  # which the converter and the devkit find by their names
        check_distinct(folder / f'{name}.json', tables[name], 'name')
    tokens = {name: {record['token'] for record in records} for name, records in tables.items()}
    for name, fields in REFERENCES.items():
        for field, other in fields.items():
            check_references(folder / f'{name}.json', tables[name], field, tokens[other])
    for name in ('sample_data', 'sample_annotation'):
        for field in ('prev', 'next'):
            check_references(folder / f'{name}.json', tables[name], field, tokens[name] | {''})
    return tables


def _check_scenes(folder: Path, scenes: list[dict[str, Any]], version: str) -> None:
    """InputError for scenes that are in no split (the converter would call them validation), and for a split without
    any, of which it makes nothing."""
    splits_of = [set(names) for names in SCENES[version] if names]
    names = [scene['name'] for scene in scenes]
    if strangers := sorted(set(names).difference(*splits_of)):
        raise InputError(
            f'{folder / "scene.json"}: {len(strangers)} of {len(names)} scenes are in no official split of {version}, '
            f'first {strangers[0]}; the converter would take them for validation. {AGAIN}, or give another --version.'
        )
    if lacking := [of_split for of_split in splits_of if not of_split & set(names)]:
        raise InputError(
            f'{folder / "scene.json"}: none of its {len(names)} scenes is one of the {len(lacking[0])} of {version} '
            f'such as {min(lacking[0])}; wanted one at least of {" and of ".join(SPLIT_NAMES[version])}. {AGAIN}, or '
            'give another --version.'
        )


def _check_times(path: Path, records: list[dict[str, Any]]) -> None:
    """InputError for timestamps in another unit than microseconds: lags of earlier sweeps would be others."""
    times_us = {record['token']: record['timestamp'] for record in records}
    gaps_us = sorted(record['timestamp'] - times_us[record['prev']] for record in records if record['prev'])
    middle = gaps_us[len(gaps_us) // 2] if gaps_us else GAP_US[0]
    if not GAP_US[0] <= middle <= GAP_US[1]:
        raise InputError(
            f'{path}: half of its records are {middle} or less after the one before them; wanted timestamps in '
            f'microseconds, so {GAP_US[0]:g} to {GAP_US[1]:g}. In another unit (nanoseconds, seconds) they would give '
            'other time lags and velocities: convert them, in sample.json and ego_pose.json, too.'
        )


def _check_boxes(path: Path, records: list[dict[str, Any]]) -> None:
    """InputError for a box without extent: a detector learns the logarithm of its sizes."""
    flat = next((record for record in records if min(record['size']) <= 0), None)
    if flat is not None:
        raise InputError(
            f'{path}: the record {flat["token"][:40]} has size={flat["size"]}, wanted metres above 0. {AGAIN}.'
        )


def _check_upright(path: Path, records: list[dict[str, Any]]) -> None:
    """InputError for a car that lies on its side: of quaternions with their real part last some do."""
    lying = [r for r in records if 1 - 2 * (r['rotation'][1] ** 2 + r['rotation'][2] ** 2) < UPRIGHT]
    if lying:
        raise InputError(
            f'{path}: {len(lying)} of {len(records)} poses lean by more than 60 degrees, first '
            f'{lying[0]["token"][:40]} with rotation={lying[0]["rotation"]}; wanted quaternions w, x, y, z, the real '
            'part first, of a frame whose z is up.'
        )


def _check_sensors(root: Path, version: str, tables: Mapping[str, list[dict[str, Any]]], max_sweeps: int) -> None:
    """MissingFileError or InputError where a key frame lacks a sensor, or a LiDAR file is missing or cut off."""
    path = root / version / 'sample_data.json'
    channel_of_sensor = {record['token']: record['channel'] for record in tables['sensor']}
    channel_of = {record['token']: channel_of_sensor[record['sensor_token']] for record in tables['calibrated_sensor']}
    seen: dict[str, set[str]] = {record['token']: set() for record in tables['sample']}
    lidar: dict[bool, list[str]] = {True: [], False: []}  # key frames, and the sweeps between them
    for record in tables['sample_data']:
        channel = channel_of[record['calibrated_sensor_token']]
        if record['is_key_frame']:
            if channel in seen[record['sample_token']]:
                raise InputError(
                    f'{path}: the sample {record["sample_token"][:40]} has two key frames of {channel}, one of them '
                    f'{record["token"][:40]}; wanted one. {AGAIN}.'
                )
            seen[record['sample_token']].add(channel)
        if channel == 'LIDAR_TOP':
            lidar[record['is_key_frame']].append(str(root / record['filename']))
    if lacking := [(token, CHANNELS - channels) for token, channels in seen.items() if CHANNELS - channels]:
        raise InputError(
            f'{path}: {len(lacking)} of {len(seen)} samples lack records of a sensor, first {lacking[0][0][:40]} of '
            f'{", ".join(sorted(lacking[0][1]))} (image files may be absent, their records not). {AGAIN}.'
        )
    _check_files(
        root, lidar[True], 'key frames', 'samples/', 'Unpack the blobs, or keep only the scenes that are there'
    )
    for file in evenly_spread(lidar[True], FILES_READ):
        read_sweep(file, bin_columns=POINT_COLUMNS)  # or says what else it holds
    if max_sweeps:
        advice = 'Unpack the blobs with them, or convert the key frames alone: --max-sweeps 0'
        _check_files(root, lidar[False], 'sweeps between key frames', 'sweeps/', advice)


def _check_files(root: Path, files: list[str], what: str, folder: str, advice: str) -> None:
    """MissingFileError or InputError for point files that are not there, empty or cut off."""
    if absent := missing_files(files):
        raise MissingFileError(
            f'{root}: {len(absent)} of {len(files)} LIDAR_TOP {what} are missing from {folder}, the first is '
            f'{absent[0]}. {advice}.'
        )
    cut_off = [file for file in files if not (size := os.path.getsize(file)) or size % POINT_BYTES]
    if cut_off:
        raise InputError(
            f'{cut_off[0]}: {os.path.getsize(cut_off[0])} bytes, wanted a multiple of {POINT_BYTES}, and not 0 (x, y, '
            f'z, intensity, ring in float32): cut off, the first of {len(cut_off)}. Unpack the blobs again.'
        )


def _check_maps(root: Path, maps: list[dict[str, Any]]) -> None:
    """MissingFileError for an image of a map, which the devkit asks for although nothing here reads it."""
    if absent := [root / record['filename'] for record in maps if not (root / record['filename']).is_file()]:
        raise MissingFileError(
            f'{absent[0]}: missing, the first of {len(absent)} of {len(maps)} map images that map.json names and the '
            'devkit wants to see. Unpack the metadata, which has maps/, again.'
        )


def _check_label_files(root: Path, version: str) -> None:
    """MissingFileError or InputError where there is a table of labels for points and its files are others."""
    for task, suffix in LABEL_FILES.items():
        table = root / version / f'{task}.json'
        if not table.is_file():
            continue
        records = read_table(table, {'token': str, 'filename': str, 'sample_data_token': str})
        read_table(root / version / 'category.json', {'index': int})
        if absent := missing_files(str(root / record['filename']) for record in records):
            raise MissingFileError(
                f'{absent[0]}: missing, the first of {len(absent)} of {len(records)} label files that {table} names. '
                f'Unpack nuScenes-{task} over the data set again, or remove {table}.'
            )
        folder = root / task / version
        there = sum(name.endswith(suffix) for name in os.listdir(folder)) if folder.is_dir() else 0
        if there != len(records):
            raise InputError(
                f'{folder}: {there} files {suffix} for {len(records)} records of {table}; the devkit wants as many. '
                f'Unpack nuScenes-{task} over the data set again.'
            )


def _check_label_lengths(root: Path, version: str, sample_data: list[dict[str, Any]]) -> None:
    """InputError where a key frame has not one label for each point; of panoptic labels, which are packed, nothing is
    known before they are read."""
    table = root / version / 'lidarseg.json'
    if not table.is_file():
        return
    points_of = {record['token']: root / record['filename'] for record in sample_data}
    records = read_table(table)
    check_references(table, records, 'sample_data_token', set(points_of))
    for record in records:
        points, labels = points_of[record['sample_data_token']], root / record['filename']
        found, wanted = labels.stat().st_size, points.stat().st_size // POINT_BYTES
        if found != wanted:
            raise InputError(
                f'{labels}: {found} bytes, wanted {wanted}, one for each point of {points}. Unpack nuScenes-lidarseg '
                'over the data set again.'
            )
