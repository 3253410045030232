"""Whether there are boxes to train on: classes, labels in the infos, and the data base of objects to paste."""

import os
from collections.abc import Mapping
from typing import Any

import numpy as np
from mmdet3d.datasets import Det3DDataset

from ...errors import InputError, MissingFileError
from ...files import missing_files
from ..info_pickle import load_info_pickle, load_plain_pickle
from .checked_set import CheckedSet


def check_objects(cls: type, dataset: Mapping[str, Any], checked: CheckedSet, infos: Mapping[str, Any]) -> None:
    """InputError where a detection data set's classes are none of its infos', or no frame has a box to train on."""
    if not issubclass(cls, Det3DDataset):
        return
    known = tuple(cls.METAINFO['classes'])
    wanted = (dataset.get('metainfo') or {}).get('classes') or known
    if isinstance(wanted, str):
        return  # a file of names, which mmengine reads
    if strange := [name for name in wanted if name not in known]:
        raise InputError(
            f'{checked.info_file}: has no class {", ".join(map(str, strange))}, which the config asks for '
            f'(metainfo.classes); it has {", ".join(known)}'
        )
    _check_numbering(checked, infos['metainfo'].get('categories'), known)
    steps = {step['type']: step for step in dataset.get('pipeline') or ()}
    reads_boxes = 'LoadAnnotations3D' in steps and steps['LoadAnnotations3D'].get('with_bbox_3d', True)
    if reads_boxes and dataset.get('filter_empty_gt', True) and not dataset.get('test_mode', False):
        labels = {known.index(name) for name in wanted}
        area = steps.get('ObjectRangeFilter', {}).get('point_cloud_range')
        if not any(
            _is_trained_on(box, labels, area, checked.name)
            for info in infos['data_list']
            for box in info.get('instances', ())
        ):
            within = '' if area is None else f' within x, y of {list(area)}'
            raise InputError(
                f'{checked.info_file}: none of its {len(infos["data_list"])} frames has a box of {", ".join(wanted)} '
                f'with points{within}; wanted some to train on. Take infos of labelled frames, or other classes '
                '(metainfo.classes) or a larger range'
            )


def check_scored(dataset: Mapping[str, Any], evaluator: str) -> None:
    """InputError where no frame of a detection data set that is scored has a box: metrics take that for a score of 0,
    or fail when all frames are done.

    evaluator: name of its entry in the config, for the message.
    """
    if not dataset.get('ann_file'):
        return
    path = os.path.join(dataset.get('data_root') or '', dataset['ann_file'])
    entries = load_info_pickle(path)['data_list']
    if not any(box.get('bbox_label_3d', -1) >= 0 for info in entries for box in info.get('instances', ())):
        raise InputError(
            f'{path}: none of its {len(entries)} frames has a box, so there is nothing to score; wanted infos of '
            f'labelled frames, or results alone: {evaluator}.format_only=True'
        )


def _check_numbering(checked: CheckedSet, categories: Any, known: tuple[str, ...]) -> None:
    """InputError where infos number the classes otherwise than the class of the data set, which does not look."""
    if not isinstance(categories, Mapping):
        return
    moved = [name for label, name in enumerate(known) if name in categories and categories[name] != label]
    if moved:
        raise InputError(
            f'{checked.info_file}: numbers {moved[0]} as {categories[moved[0]]}, wanted {known.index(moved[0])}: its '
            f'labels would be taken for other classes. {checked.again}.'
        )


def _is_trained_on(box: Mapping[str, Any], labels: set[int], area: Any, data_set: str) -> bool:
    """Whether a box of the infos is of the wanted labels, holds points and lies within x, y of a range."""
    if box.get('bbox_label_3d') not in labels or not (box.get('bbox_3d_isvalid') or box.get('num_lidar_pts', 1) > 0):
        return False
    if area is None:
        return True
    if not (isinstance(box.get('bbox_3d'), list | tuple | np.ndarray) and len(box['bbox_3d']) >= 7):
        raise InputError(f'found a box of {str(box.get("bbox_3d"))[:80]}, wanted x, y, z, sizes and yaw')
    x, y = box['bbox_3d'][:2]
    if data_set == 'kitti':  # in the camera's frame, right, down, ahead, a hand's breadth from the LiDAR's
        x, y = box['bbox_3d'][2], -x
    return bool(area[0] <= x <= area[3] and area[1] <= y <= area[4])


def check_database(checked: CheckedSet, sampler: Mapping[str, Any]) -> None:
    """MissingFileError or InputError where the objects that ObjectSample pastes into scans cannot be read."""
    path = sampler['info_path']
    if not os.path.isfile(path):
        raise MissingFileError(
            f'{path}: no such file, which the config names (ObjectSample). `python tools/create_data.py '
            f'{checked.name}` writes it; to train without, take it out of the config.'
        )
    database = load_plain_pickle(path, data_set=checked.name)
    groups = database.values() if isinstance(database, dict) else [None]
    if not all(isinstance(group, list) and all(map(_is_entry, group)) for group in groups):
        raise InputError(f'{path}: found no lists of objects by class, wanted a data base of boxes. {checked.again}.')
    root = sampler.get('data_root') or ''
    files = [os.path.join(root, entry['path']) for group in groups for entry in group]
    if missing := missing_files(files):
        raise MissingFileError(
            f'{missing[0]}: missing, the first of {len(missing)} of {len(files)} objects that {path} names. '
            f'{checked.again}.'
        )


def _is_entry(entry: Any) -> bool:
    return (
        isinstance(entry, dict)
        and isinstance(entry.get('path'), str)
        and isinstance(entry.get('name'), str)
        and np.shape(entry.get('box3d_lidar')) in ((7,), (9,))
        and isinstance(entry.get('num_points_in_gt'), int | np.integer)
    )
