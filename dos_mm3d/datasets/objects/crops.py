"""Objects out of sweeps: mmdet3d's box databases, whole frames with their boxes, and folders of single objects.

Points are in the frame of the box: its bottom's middle is the origin, x points along its length, z up, metres.
"""

from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from mmdet3d.registry import DATASETS
from mmengine.registry import DefaultScope

from ...errors import InputError, MissingFileError
from ...parallel import parallel_map
from ..converting import converting
from ..info_pickle import load_plain_pickle
from .object_set import ObjectSet, check_split, write_object_set
from .raw import RawCloud, RawObject, RawSplit, present, read_rows, require_folder, with_objects

LEAST_POINTS = 32
ENDINGS = ('.xyz', '.xyz.gz')
TEST_EVERY = 5
MOST_YAW_RAD = 4 * np.pi
"""Either way: more are degrees."""
NEAR_M, LEAST_INSIDE = 0.25, 0.9
"""Of the points of a box database: beside their box, and their share in it."""
_frames: Any = None  # the data set whose frames are cut; forked processes inherit it


def find_box_database(
    info_path: str | Path,
    *,
    data_root: str | Path | None = None,
    least_points: int = LEAST_POINTS,
    allow_partial: bool = False,
) -> RawSplit:
    """The objects of a `*_dbinfos_train.pkl` as the split train. Nothing in the pickle is executed.

    Args:
        info_path: the pickle; the point files of its boxes are named relative to its folder.
        data_root: another folder that they are relative to.
        least_points: objects with fewer are left out.
        allow_partial: take a database of which point files are missing.
    """
    info_path = Path(info_path)
    if not info_path.is_file():
        raise MissingFileError(
            f'{info_path}: no such file; wanted a box database, which tools/create_data.py makes of a detection set'
        )
    database = load_plain_pickle(info_path, data_set='nuscenes')
    if not isinstance(database, Mapping) or not all(isinstance(group, list) for group in database.values()):
        raise InputError(f'{info_path}: holds a {type(database).__name__}, wanted lists of boxes by class')
    root = info_path.parent if data_root is None else Path(data_root)
    classes = tuple(sorted(name for name, group in database.items() if group))
    objects, few = [], 0
    for label, name in enumerate(classes):
        for entry in database[name]:
            path, box, count = _box_of(entry, info_path)
            if count < least_points:
                few += 1
            else:
                objects.append(RawObject(Path(path).stem, label, root / path, box, count))
    print(f'{info_path}: {len(objects)} objects; {few} with fewer than {least_points} points are left out')
    if not objects:
        raise InputError(f'{info_path}: none of its {few} objects has {least_points} points; lower --least-points')
    there = present(objects, info_path.name, allow_partial=allow_partial)
    source = dict(format='box_database', variant='without margin', least_points=least_points)
    return with_objects(root, [RawSplit('train', classes, there, _read_box, source)])[0]


def _box_of(entry: Any, info_path: Path) -> tuple[str, tuple[float, ...], int]:
    """File, box and number of points of a database's entry; InputError where it is none."""
    try:
        box = tuple(float(value) for value in entry['box3d_lidar'][:7])
        count = entry['num_points_in_gt']
        found = str(entry['path']), box, int(count)
    except (KeyError, TypeError, ValueError, IndexError, OverflowError) as error:
        raise InputError(f'{info_path}: has the entry {str(entry)[:80]}, wanted a box of mmdet3d ({error})') from error
    if len(box) < 7 or not np.isfinite(box).all() or min(box[3:6]) <= 0 or abs(box[6]) > MOST_YAW_RAD:
        raise InputError(
            f'{info_path}: has the box {box} of {found[0]}, wanted x, y, z, sizes above 0 and a yaw in radians'
        )
    if found[2] != count or count < 0:
        raise InputError(f'{info_path}: has {count} points of {found[0]}, wanted a whole number, 0 or more')
    return found


def _read_box(one: RawObject, random: np.random.Generator) -> RawCloud:
    """The points of a box, which mmdet3d has moved to its bottom's middle and not turned."""
    values = np.fromfile(one.path, np.float32)
    if not len(values) or len(values) % one.rows or len(values) < 3 * one.rows:
        raise InputError(
            f'{one.path}: has {len(values)} numbers, wanted {one.rows} points of 3 or more. Make the box database '
            'again with tools/create_data.py.'
        )
    points = values.reshape(one.rows, -1)[:, :3]
    inside = len(in_box(points, np.array([0, 0, 0, *one.box[3:]]), NEAR_M)) / one.rows
    if inside < LEAST_INSIDE:
        raise InputError(
            f'{one.path}: {inside:.0%} of its {one.rows} points lie in their box of {one.box[3:6]} m, wanted '
            f'{LEAST_INSIDE:.0%}: the number of points, their type (wanted float32), the unit or the frame is another. '
            'Make the box database again with tools/create_data.py.'
        )
    return RawCloud(turned(points, -one.box[6]))


def turned(points: np.ndarray, yaw_rad: float) -> np.ndarray:
    """(n, 3) points turned about z, counter-clockwise."""
    cos, sin = np.cos(yaw_rad), np.sin(yaw_rad)
    matrix = np.array([[cos, sin, 0], [-sin, cos, 0], [0, 0, 1]])
    return points @ matrix


def in_box(points: np.ndarray, box: np.ndarray, margin_m: float) -> np.ndarray:
    """(k, 3) those of (n, >= 3) points that lie in a box (7,), or at most a margin beside, above or below it, in the
    frame of the box."""
    near = np.abs(points[:, :3] - box[:3]).max(1) <= np.linalg.norm(box[3:6]) + margin_m
    own = turned(points[near, :3] - box[:3], -box[6])
    inside = (np.abs(own[:, :2]) <= box[3:5] / 2 + margin_m).all(1)
    return own[inside & (own[:, 2] >= -margin_m) & (own[:, 2] <= box[5] + margin_m)]


def find_object_folder(root: str | Path) -> list[RawSplit]:
    """Single objects as `<class>/<name>.xyz.gz` (or `.xyz`), rows x y z in metres, such as DALES Objects, z up.

    There is no official split: of each class every fifth object, by name, is test, the others are train.
    """
    root = Path(root)
    require_folder(root, 'a folder for each class with .xyz.gz files', inside='*/*.xyz*')
    paths = sorted(
        path
        for path in root.glob('*/*')
        if path.name.endswith(ENDINGS) and not any(part.startswith('.') for part in path.parts[-2:])
    )
    folders = sorted({path.parent for path in paths})
    classes = tuple(folder.name for folder in folders)
    found: dict[str, list[RawObject]] = {'train': [], 'test': []}
    for label, folder in enumerate(folders):
        for number, path in enumerate(path for path in paths if path.parent == folder):
            split = 'test' if number % TEST_EVERY == TEST_EVERY - 1 else 'train'
            name = path.name.removesuffix('.gz').removesuffix('.xyz')
            found[split].append(RawObject(f'{folder.name}/{name}', label, path))
    source = dict(format='object_folder', test_every=TEST_EVERY)
    return with_objects(
        root, [RawSplit(split, classes, objects, _read_xyz, source) for split, objects in found.items()]
    )


def _read_xyz(one: RawObject, random: np.random.Generator) -> RawCloud:
    """About the middle in x and y and the lowest point: places in a country have no digits left in float32."""
    points = read_rows(one.path, 3)
    if (unmeasured := int((points == 0).all(1).sum())) > 1:
        raise InputError(
            f'{one.path}: {unmeasured} of its {len(points)} points are (0, 0, 0), which stand for no measurement. Take '
            'these rows out.'
        )
    low, high = points.min(0), points.max(0)
    return RawCloud(points - (*(low + high)[:2] / 2, low[2]))


def prepare_frame_crops(
    dataset: Mapping[str, Any],
    out: str | Path,
    split: str,
    *,
    margin_m: float,
    least_points: int = LEAST_POINTS,
    workers: int | None = None,
) -> ObjectSet:
    """The objects of every frame of a detection data set, with what lies around them, as a split of a prepared set.

    All are held until the last is there: some 12 bytes for each point.

    Args:
        dataset: config of a data set of mmdet3d's; of its pipeline the steps that load points are run.
        out: folder of the prepared set.
        split: its name there.
        margin_m: of the points beside, above and below a box that belong to the crop.
        least_points: objects with fewer, the margin counted, are left out.
        workers: processes, default one for each CPU.
    """
    global _frames
    out, dataset = Path(out), _loading_only(dataset)
    with converting(out, files=[f'{split}_points.bin']):
        _frames = DATASETS.build(dataset)
        classes = tuple(_frames.metainfo['classes'])
        source = dict(
            format='frames', variant=f'margin {margin_m:g} m', data_set=dataset['type'], least_points=least_points
        )
        check_split(out, split, classes, source)
        try:
            cut = partial(_cut_frame, margin_m=margin_m)
            frames = parallel_map(cut, range(len(_frames)), what='cutting', unit='frame', workers=workers)
        finally:
            _frames = None
        crops = [
            (f'{number:06d}_{row:03d}', label, cloud)
            for number, of_frame in enumerate(frames)
            for row, (label, cloud) in enumerate(of_frame)
        ]
        kept = [crop for crop in crops if len(crop[2]) >= least_points and crop[1] >= 0]
        if not kept:
            raise InputError(f'{dataset["ann_file"]}: none of its {len(crops)} objects has {least_points} points')
        names, labels, clouds = zip(*kept)
        made = write_object_set(out, split, clouds, labels, classes, names, source=source)
    print(
        f'{out / split}: {len(made)} objects of {len(frames)} frames; {len(crops) - len(kept)} with fewer than '
        f'{least_points} points are left out'
    )
    return made


def _loading_only(dataset: Mapping[str, Any]) -> dict[str, Any]:
    """The config of the innermost data set, whose pipeline loads points and boxes and draws nothing at random."""
    while 'dataset' in dataset:
        dataset = dataset['dataset']
    load = [dict(step) for step in dataset['pipeline'] if step['type'].startswith('LoadPoints')]
    for step in load:
        if step['type'] == 'LoadPointsFromMultiSweeps':
            step['test_mode'] = True  # the latest sweeps
    boxes = dict(type='LoadAnnotations3D', with_bbox_3d=True, with_label_3d=True)
    return {**dataset, 'pipeline': [*load, boxes], 'test_mode': False, 'filter_empty_gt': False}


def _cut_frame(number: int, margin_m: float) -> list[tuple[int, np.ndarray]]:
    """Label and points of every box of a frame."""
    with DefaultScope.overwrite_default_scope('mmdet3d'):
        frame = _frames[number]
    points = frame['points'].tensor[:, :3].numpy().astype(np.float64)
    boxes = frame['gt_bboxes_3d'].tensor[:, :7].numpy().astype(np.float64)
    labels = frame['gt_labels_3d'].tolist()
    return [(label, in_box(points, box, margin_m).astype(np.float32)) for label, box in zip(labels, boxes)]
