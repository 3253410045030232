"""One frame of Waymo as this project keeps it between the raw records and mmdet3d's infos: a `.npz` and point files.

Below the data root:

    training/frame_record/NAME.npz    this record; written last, so that a frame that has one is complete
    training/velodyne/NAME.bin        (P, 6) float32 x, y, z [m, vehicle frame], intensity, elongation, offset of the
                                      point in the range image of the TOP lidar (-1: another lidar), as mmdet3d
                                      writes it; but with the points in no-label zones, which mmdet3d drops
    training/no_label_zone/NAME.bin   (P,) uint8, 1 where the point lies in a no-label zone
    training/semantic/NAME.bin        (P,) uint8 semantic labels, only where has_semantic

NAME is seven digits: 0 training, 1 validation or 2 testing; three of the segment (its place among the sorted names of
its split), three of the frame. Training and validation lie in training/, the test split in testing/.
"""

# ruff: noqa: RUF009  (the functions that state a field call dataclasses.field)

from dataclasses import dataclass, field, fields
from functools import partial
from pathlib import Path

import numpy as np

from ...errors import InputError
from ...files import write_npz

VERSION = 1
"""Raise it when the fields change: records of another version are refused."""
CAMERAS = ('CAM_FRONT', 'CAM_FRONT_LEFT', 'CAM_FRONT_RIGHT', 'CAM_SIDE_LEFT', 'CAM_SIDE_RIGHT')
"""mmdet3d's names in the order of the official numbers 1 to 5."""
SPLIT_DIGITS = {'training': '0', 'validation': '1', 'testing': '2'}
SPLIT_FOLDERS = {'training': 'training', 'validation': 'training', 'testing': 'testing'}
FOLDERS = {'record': 'frame_record', 'points': 'velodyne', 'no_label_zone': 'no_label_zone', 'semantic': 'semantic'}
POINT_COLUMNS = 6
VEHICLE, PEDESTRIAN, SIGN, CYCLIST = 1, 2, 3, 4
REMEDY = 'Delete the file and convert again: tools/create_data.py waymo --stage records --raw-path FOLDER'


def _stated(kind, *shape, limits=(), **default):
    """A field with its numpy type, shape ('N': the number of objects) and, if not (), its least and largest value."""
    return field(metadata={'kind': kind, 'shape': shape, 'limits': limits}, **default)


def _of_objects(kind, *columns, limits=()):
    """A field with a row for each object, by default none."""
    return _stated(kind, 'N', *columns, limits=limits, default_factory=partial(np.zeros, (0, *columns), kind))


@dataclass
class FrameRecord:
    """A frame without its points. N objects; the arrays are cast to the stated types when written.

    segment: context name of the official data, without 'segment-' and '_with_camera_labels'.
    frame: place in the segment, from 0. timestamp_us: of the frame, microseconds.
    global_from_vehicle: (4, 4) metres. num_points_in_frame: P, to recognise a point file that was cut off.
    has_semantic: training/semantic/NAME.bin exists.
    box: (N, 7) x, y, z of the centre, length, width, height [m], heading [rad, counterclockwise from x], vehicle frame.
    type: (N,) 1 vehicle, 2 pedestrian, 3 sign, 4 cyclist (0 unknown is allowed).
    difficulty: (N,) official detection_difficulty_level, 1 or 2, 0 where unset.
    num_points: (N,) official num_lidar_points_in_box. speed: (N, 2) x, y [m/s], as the labels' metadata have it.
    track_id: (N,) strings.
    camera_box: (N, 7) official camera_synced_box, of meaning only where most_visible_camera is not 0.
    most_visible_camera: (N,) official number 1 to 5, 0 where none.
    image_box: (N, 4) left, top, right, bottom [pixel] of the projected lidar label in the first camera of CAMERAS which
    has one; image_camera: (N,) that camera's index in CAMERAS from 0, -1 where none.
    camera_size: (5, 2) width, height [pixel]. camera_intrinsic: (5, 4) fx, fy, cx, cy [pixel].
    vehicle_from_camera: (5, 4, 4) official extrinsic: camera axes x forward, y left, z up, metres.
    """

    segment: str = _stated('U')
    frame: int = _stated('int64')
    timestamp_us: int = _stated('int64')
    num_points_in_frame: int = _stated('int64')
    global_from_vehicle: np.ndarray = _stated('float64', 4, 4, default_factory=partial(np.eye, 4))
    has_semantic: bool = _stated('bool', default=False)
    box: np.ndarray = _of_objects('float32', 7)
    type: np.ndarray = _of_objects('int64', limits=(0, 4))
    difficulty: np.ndarray = _of_objects('int64', limits=(0, 2))
    num_points: np.ndarray = _of_objects('int64')
    speed: np.ndarray = _of_objects('float32', 2)
    track_id: np.ndarray = _of_objects('U')
    camera_box: np.ndarray = _of_objects('float32', 7)
    most_visible_camera: np.ndarray = _of_objects('int64', limits=(0, 5))
    image_box: np.ndarray = _of_objects('float32', 4)
    image_camera: np.ndarray = _of_objects('int64', limits=(-1, 4))
    camera_size: np.ndarray = _stated('int64', 5, 2, default_factory=partial(np.zeros, (5, 2)))
    camera_intrinsic: np.ndarray = _stated('float64', 5, 4, default_factory=partial(np.zeros, (5, 4)))
    vehicle_from_camera: np.ndarray = _stated(
        'float64', 5, 4, 4, default_factory=partial(np.tile, np.eye(4), (5, 1, 1))
    )


def frame_name(split, segment_index, frame):
    """Seven digits of a frame. split: 'training', 'validation' or 'testing'."""
    if split not in SPLIT_DIGITS:
        raise InputError(f'split must be one of {sorted(SPLIT_DIGITS)}, got {split!r}')
    if not (0 <= segment_index <= 999 and 0 <= frame <= 999):
        raise InputError(f'segment and frame must be 0 to 999, got {segment_index} and {frame}')
    return f'{SPLIT_DIGITS[split]}{segment_index:03d}{frame:03d}'


def frame_path(root, kind, name):
    """Path of a frame's file below the data root. kind: a key of FOLDERS."""
    split = {digit: split for split, digit in SPLIT_DIGITS.items()}[name[0]]
    return Path(root) / SPLIT_FOLDERS[split] / FOLDERS[kind] / (name + ('.npz' if kind == 'record' else '.bin'))


def write_record(path, record):
    """Check and write a record; the file gets its name when it is complete. The same record gives the same bytes."""
    arrays = {item.name: _cast(getattr(record, item.name), item.metadata['kind']) for item in fields(FrameRecord)}
    _check(arrays, str(path), 'got')
    write_npz(path, version=np.int64(VERSION), **arrays)


def read_record(path):
    """The FrameRecord of a file, checked. FileNotFoundError, or ValueError where it is damaged or no such record."""
    try:
        with np.load(path, allow_pickle=False) as file:
            arrays = {name: file[name] for name in file.files}
    except FileNotFoundError:
        raise
    except Exception as error:  # a damaged archive raises nearly anything
        raise InputError(f'{path}: cannot be read as a frame record ({error}). {REMEDY}.') from error
    if arrays.pop('version', np.zeros(0)).tolist() != VERSION:
        raise InputError(f'{path}: not a frame record of version {VERSION}, of an older release? {REMEDY}.')
    _check(arrays, str(path), 'found')
    plain = {name: value.item() if value.ndim == 0 else value for name, value in arrays.items()}
    return FrameRecord(**plain)


def _cast(value, kind):
    array = np.asarray(value)
    return array.astype('U' if array.size else '<U1') if kind == 'U' else array.astype(kind)


def _check(arrays, path, got):
    """ValueError, naming the file and the field, where the arrays are not a record."""
    wanted = [item.name for item in fields(FrameRecord)]
    if sorted(arrays) != sorted(wanted):
        raise InputError(f'{path}: {got} fields {sorted(arrays)}, wanted {sorted(wanted)}. {REMEDY}.')
    n_objects = len(arrays['box']) if arrays['box'].ndim else 0
    for item in fields(FrameRecord):
        name, array, kind, limits = item.name, arrays[item.name], item.metadata['kind'], item.metadata['limits']
        shape = tuple(n_objects if size == 'N' else size for size in item.metadata['shape'])
        same_type = array.dtype.kind == 'U' if kind == 'U' else array.dtype == kind
        if array.shape != shape or not same_type:
            raise InputError(f'{path}: {name}: {got} {array.dtype} {array.shape}, wanted {kind} {shape}. {REMEDY}.')
        if array.dtype.kind == 'f' and not np.isfinite(array).all():
            raise InputError(f'{path}: {name}: {got} values that are not finite. {REMEDY}.')
        if limits and array.size and (array.min() < limits[0] or array.max() > limits[1]):
            raise InputError(f'{path}: {name}: {got} {np.unique(array)}, wanted {limits[0]} to {limits[1]}. {REMEDY}.')
