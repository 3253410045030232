"""Whether a data set's files are what its config and info file say, before a run begins; what is wrong is named, with
the remedy.

That all files are there is looked up for every frame, one listing of a folder for all that lie in it; sizes and labels
of a sample of frames are read, so that it takes seconds for 28 000."""

import os
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from mmdet3d.registry import DATASETS

from ..errors import InputError, MissingFileError
from ..spread import evenly_spread
from .info_pickle import load_info_pickle
from .known_labels import known_labels
from .prefixes import data_prefixes, data_set_name, file_of_sweep

SAMPLED_SIZES, SAMPLED_LABELS = 64, 8
INFO_VERSION = {'waymo': 'mmdet3d_v1.4'}
"""Of mmdet3d 1.4's infos: Waymo's changed their form after 1.1, the others did not."""
FLOAT_BYTES = 4


@dataclass(frozen=True)
class Reading:
    """What is read of a frame. columns: of its point files, None for what the infos say; sweeps: earlier ones too;
    label_type: of a label, None where none are read; label_modulus: of the part that is the class; zones: no-label
    zones too; normals: too."""

    columns: int | None
    sweeps: bool
    label_type: np.dtype | None
    label_modulus: int | None
    zones: bool
    normals: bool


@dataclass(frozen=True)
class Source:
    """A data set of a config. name: as tools/create_data.py calls it; root; info_file; prefix: folders of files by
    kind."""

    name: str
    root: str
    info_file: str
    prefix: Mapping[str, str]
    config: Mapping[str, Any]

    @property
    def again(self) -> str:
        """What to do about a file."""
        return (
            f'Unpack or download that part of the data set again, then run `python tools/create_data.py {self.name}`'
            f' (docs/data/{self.name}.md)'
        )


def data_sets_in(dataset: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    """The config of a data set and of all that it wraps (`dataset`, `datasets`, JointSweeps' `members` in `use`)."""
    yield dataset
    members = dataset.get('members') or {}
    joint = [members[name]['dataset'] for name in dataset.get('use') or members if name in members]
    for inner in [dataset.get('dataset'), *(dataset.get('datasets') or ()), *joint]:
        if inner is not None:
            yield from data_sets_in(inner)


def check_files(dataset: Mapping[str, Any]) -> None:
    """FileNotFoundError or ValueError, naming the file and the remedy, for a data set's config that has an info file.

    Data sets without one (folders of sweeps) look for their files themselves; those on another machine, and those of
    which tools/create_data.py knows nothing, are left out."""
    cls = DATASETS.get(dataset['type'])
    name = None if cls is None else data_set_name(cls)
    root = dataset.get('data_root') or ''
    if not dataset.get('ann_file') or name is None or '://' in root:
        return
    source = Source(name, root, os.path.join(root, dataset['ann_file']), data_prefixes(cls, dataset), dataset)
    infos = load_info_pickle(source.info_file, data_set=name)
    _check_infos(source, infos)
    if dataset.get('on_bad_file', 'error') != 'error':
        return  # it is told to go on without what is missing or broken
    _check_extras(source)
    reading, entries = reading_of(dataset), infos['data_list']
    _check_presence(source, _all_files(source, entries, reading))
    for info in evenly_spread(entries, SAMPLED_SIZES):
        _check_counts(source, info, reading)
    labelled = [info for info in entries if 'pts_semantic_mask_path' in info] if reading.label_type is not None else []
    for info in evenly_spread(labelled, SAMPLED_SIZES):
        _check_counts(source, info, reading)
    known = known_labels(cls, dataset, infos)
    for info in evenly_spread(labelled, SAMPLED_LABELS) if known is not None else ():
        _check_labels(source, info, reading, known)


def reading_of(dataset: Mapping[str, Any]) -> Reading:
    """What the loading steps of a data set's pipeline read; without any, what our unlabelled views do."""
    columns, label_type, modulus = None, None, None
    types = [step['type'] for step in dataset.get('pipeline') or ()]
    sweeps = dataset.get('num_sweeps', 1) > 1 or not dataset.get('key_frames_only', True)
    for step in dataset.get('pipeline') or ():
        if step['type'] == 'LoadPointsFromFile':
            columns = step.get('load_dim', 6)
        elif step['type'] == 'LoadPointsFromMultiSweeps':
            sweeps = step.get('sweeps_num', 10) > 0
        elif step['type'] == 'LoadAnnotations3D' and step.get('with_seg_3d'):
            label_type = np.dtype(step.get('seg_3d_dtype', 'np.int64').removeprefix('np.'))
            modulus = step.get('seg_offset') if step.get('dataset_type') == 'semantickitti' else None
    return Reading(columns, sweeps, label_type, modulus, 'DropNoLabelZone' in types, 'LoadScanNormals' in types)


def _check_infos(source: Source, infos: dict) -> None:
    """ValueError for infos of another data set or version, without frames, or of entries of another form."""
    metainfo, entries = infos.get('metainfo', {}), infos['data_list']
    again = f'Create it again with `python tools/create_data.py {source.name}`, or correct data_root and ann_file.'
    of = str(metainfo.get('dataset', metainfo.get('DATASET', source.name))).lower()
    if of != source.name:
        raise InputError(
            f'{source.info_file}: found infos of {of}; wanted those of {source.name}, which {source.config["type"]} '
            f'reads. {again}'
        )
    wanted = INFO_VERSION.get(source.name, '1.1')
    version = str(metainfo.get('info_version', wanted))
    if version != wanted:
        raise InputError(
            f'{source.info_file}: found infos of version {version}; wanted {wanted}, that of mmdet3d 1.4. {again}'
        )
    if not entries:
        raise InputError(f'{source.info_file}: found no frame; wanted one at least. {again}')
    points = entries[0].get('lidar_points') if isinstance(entries[0], dict) else None
    if not isinstance(points, dict) or 'lidar_path' not in points:
        found = sorted(entries[0]) if isinstance(entries[0], dict) else type(entries[0]).__name__
        raise InputError(
            f'{source.info_file}: found entries of {found}; wanted lidar_points.lidar_path, as mmdet3d 1.1 and later '
            f'write them. {again}'
        )
    _check_tables(source, metainfo)


def _check_tables(source: Source, metainfo: Mapping[str, Any]) -> None:
    """FileNotFoundError where nuScenes infos were made of a version that is not there."""
    version, root = metainfo.get('version'), source.root
    if source.name != 'nuscenes' or version is None or os.path.isdir(os.path.join(root, version)):
        return
    there = sorted(name for name in os.listdir(root) if name.startswith('v1.0-'))
    raise MissingFileError(
        f'{os.path.join(root, version)}: no such folder, but {source.info_file} was made of {version}; there: '
        f'{", ".join(there) or "none"}. Unpack its metadata, or run `python tools/create_data.py nuscenes --version '
        f'{there[0] if there else version}` for the version that you have.'
    )


def _check_extras(source: Source) -> None:
    """FileNotFoundError for the database of objects to paste into scans, or a list of scans, that is not there."""
    wanted = [(step.get('db_sampler') or {}).get('info_path') for step in source.config.get('pipeline') or ()]
    scans = source.config.get('scene_idxs')
    wanted.append(os.path.join(source.root, scans) if isinstance(scans, str) else None)
    for path in wanted:
        if path and not os.path.isfile(path):
            raise MissingFileError(
                f'{path}: no such file, which the config names (ObjectSample or scene_idxs). '
                f'`python tools/create_data.py {source.name}` writes it; to train without, take it out of the config.'
            )


def _all_files(source: Source, entries: list[dict], reading: Reading) -> Iterator[str]:
    """Every file that will be read."""
    for info in entries:
        yield _points_file(source, info)
        yield from _files_beside(source, info, reading)
        if reading.sweeps:
            for sweep in info.get('lidar_sweeps', ()):
                yield file_of_sweep(sweep, source.prefix)


def _check_presence(source: Source, files: Iterable[str]) -> None:
    """FileNotFoundError that names the first file that is not there, and how many are not."""
    by_folder = defaultdict(dict)  # a dict keeps the order
    for file in files:
        folder, name = os.path.split(file)
        by_folder[folder][name] = None
    missing, total = [], sum(map(len, by_folder.values()))
    for folder, names in by_folder.items():
        present = set(os.listdir(folder)) if os.path.isdir(folder) else set()
        missing += [os.path.join(folder, name) for name in names if name not in present]
    if missing:
        raise MissingFileError(
            f'{missing[0]}: missing, the first of {len(missing)} of {total} files that {source.info_file} names. '
            f'{source.again}; or data_root ({source.root}) is not where the data are.'
        )


def _count_points(source: Source, info: dict, reading: Reading) -> int:
    """The number of points of a frame; ValueError where its file is empty or ends within a point."""
    file = _points_file(source, info)
    columns = reading.columns or info['lidar_points'].get('num_pts_feats')
    stated = info['lidar_points'].get('num_pts_feats', columns)
    if columns is None:
        return 0
    size, point_bytes = os.path.getsize(file), columns * FLOAT_BYTES
    if size == 0 or size % point_bytes:
        raise InputError(
            f'{file}: found {size} bytes; wanted a multiple of {point_bytes}, and not 0, for {columns} float32 columns '
            f'a point. The file is cut off. {source.again}.'
        )
    if columns != stated:
        raise InputError(
            f'{source.info_file}: found points of {stated} columns; the config loads {columns} (LoadPointsFromFile '
            f'load_dim). Take the config of this data set, or set load_dim={stated}.'
        )
    return size // point_bytes


def _check_counts(source: Source, info: dict, reading: Reading) -> None:
    """ValueError where a frame's files have not as many points."""
    points, points_file = _count_points(source, info, reading), _points_file(source, info)
    for file, item_bytes in _files_beside(source, info, reading).items():
        size = os.path.getsize(file)
        if points and size != points * item_bytes:
            raise InputError(
                f'{file if size < points * item_bytes else points_file}: too short; found {points} points in '
                f'{points_file} and {size / item_bytes:g} entries of {item_bytes} bytes in {file}; wanted as many. One '
                f'is cut off, or they are of different versions. {source.again}.'
            )


def _check_labels(source: Source, info: dict, reading: Reading, known: np.ndarray) -> None:
    """ValueError where a label file holds numbers that the data set does not define."""
    file = _label_file(source, info)
    labels = np.fromfile(file, reading.label_type)
    labels = labels if reading.label_modulus is None else labels % reading.label_modulus
    strange = np.setdiff1d(labels, known)
    if len(strange):
        raise InputError(
            f'{file}: found labels {strange[:8].tolist()}; wanted numbers that {source.name} defines, '
            f'{known.min()} to {known.max()}. The labels are of another version, were mapped to the classes of a '
            f'challenge, or have another type than {reading.label_type}. {source.again}.'
        )


def _points_file(source: Source, info: dict) -> str:
    return os.path.join(source.prefix.get('pts', ''), info['lidar_points']['lidar_path'])


def _files_beside(source: Source, info: dict, reading: Reading) -> dict[str, int]:
    """File -> bytes for each point, of what is read beside a frame's points: labels, no-label zones, normals."""
    folder, name = os.path.split(_points_file(source, info))
    files = {}
    if reading.label_type is not None and 'pts_semantic_mask_path' in info:
        files[_label_file(source, info)] = reading.label_type.itemsize
    if reading.zones and 'no_label_zone_path' in info:
        files[os.path.join(os.path.dirname(folder), info['no_label_zone_path'])] = 1
    if reading.normals:
        files[os.path.join(os.path.dirname(folder), 'normals', name)] = 3 * FLOAT_BYTES
    return files


def _label_file(source: Source, info: dict) -> str:
    return os.path.join(source.prefix.get('pts_semantic_mask', ''), info['pts_semantic_mask_path'])
