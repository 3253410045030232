"""The points in every labelled box of the training frames, which mmdet3d's ObjectSample pastes into others.

mmdet3d's own GTDatabaseCreater cuts them out; here it works through the segments in parallel and, after an
interruption, goes on with those that are missing."""

import hashlib
import os
from collections.abc import Iterator
from itertools import groupby
from pathlib import Path
from typing import Any

from mmdet3d.registry import DATASETS
from mmengine.registry import DefaultScope

from ...errors import InputError
from ...files import write_pickle
from ...parallel import parallel_map
from ..converting import converting
from ..info_pickle import load_info_pickle, load_plain_pickle
from ..mmdet3d_converter import mmdet3d_converter
from .frame_record import POINT_COLUMNS

PARTS = 'parts'
_creator: Any = None  # of mmdet3d, with its data set; forked processes inherit it


def write_gt_database(
    root: str | Path, *, out_dir: str | Path | None = None, extra_tag: str = 'waymo', workers: int | None = None
) -> Path:
    """Write `<tag>_gt_database/` and, when it is complete, `<tag>_dbinfos_train.pkl` beside `<tag>_infos_train.pkl`,
    which is in out_dir (default: root); gives the latter's path. Segments that an
    interrupted run finished stay where infos and point files are the same.

    workers: processes, default one for each CPU. FileNotFoundError without the training infos."""
    root, out = Path(root), Path(root if out_dir is None else out_dir)
    infos_path = out / f'{extra_tag}_infos_train.pkl'
    infos = load_info_pickle(infos_path, data_set='waymo')['data_list']
    dbinfos, parts = out / f'{extra_tag}_dbinfos_train.pkl', out / f'{extra_tag}_gt_database' / PARTS
    with converting(out, folders=[f'{extra_tag}_gt_database/{PARTS}'], files=[dbinfos.name]):
        dbinfos.unlink(missing_ok=True)
        parts.mkdir(parents=True, exist_ok=True)
        jobs = list(_jobs(infos, root / 'training' / 'velodyne', parts))
        there = set(os.listdir(parts.parent))
        left = [job for job in jobs if not _is_done(*job[1:], there)]
        if len(left) < len(jobs):
            print(f'{parts.parent}: {len(jobs) - len(left)} of {len(jobs)} segments are there, reused')
        if left:
            _cut_out(root, out, extra_tag, left, workers)
        merged = _merged([load_plain_pickle(part, data_set='waymo')['data_list'] for _, part, _ in jobs])
        write_pickle(dbinfos, merged)
    print(f'{dbinfos}: ' + ', '.join(f'{len(entries)} {name}' for name, entries in merged.items()))
    return dbinfos


Job = tuple[range, Path, str]
"""Rows of a segment's frames in the infos, the file for what was made of them, digest of what that depends on."""


def _jobs(infos: list[dict], points: Path, parts: Path) -> Iterator[Job]:
    """points: folder of the point files; one that was written anew is another."""
    first = 0
    for segment, entries in groupby(infos, key=lambda info: info['context_name']):
        rows = [(info['sample_idx'], info['instances'], *_state(points, info)) for info in entries]
        digest = hashlib.sha256(repr(rows).encode()).hexdigest()
        yield range(first, first + len(rows)), parts / f'{segment}.pkl', digest
        first += len(rows)


def _state(points: Path, info: dict) -> tuple[int, int]:
    """Size and time of a frame's point file."""
    found = (points / info['lidar_points']['lidar_path']).stat()
    return found.st_size, found.st_mtime_ns


def _is_done(part: Path, digest: str, there: set[str]) -> bool:
    """Whether a segment's part is whole and of these infos, and the points of all its boxes are there."""
    try:
        found = load_plain_pickle(part, data_set='waymo') if part.is_file() else None
    except InputError:  # damaged since: it is made again
        found = None
    if not isinstance(found, dict) or found.get('digest') != digest:
        return False
    boxes = (entry for frame in found['data_list'] for entries in frame.values() for entry in entries)
    return all(Path(entry['path']).name in there for entry in boxes)


def _cut_out(root: Path, out: Path, tag: str, jobs: list[Job], workers: int | None) -> None:
    global _creator
    with mmdet3d_converter(root) as converter, DefaultScope.overwrite_default_scope('mmdet3d'):
        creator = converter.GTDatabaseCreater('WaymoDataset', str(root), tag, with_mask=False)
        creator.dataset = DATASETS.build(_dataset(root, str((out / f'{tag}_infos_train.pkl').absolute())))
        creator.pipeline = creator.dataset.pipeline
        creator.database_save_path = str(out / f'{tag}_gt_database')
    _creator = creator
    try:
        sizes = [len(rows) for rows, _, _ in jobs]
        parallel_map(_cut_segment, jobs, what='box database', unit='frame', sizes=sizes, workers=workers)
    finally:
        _creator = None


def _dataset(root: Path, ann_file: str) -> dict:
    """All columns of the points and the boxes, as GTDatabaseCreater.create() loads them."""
    load = dict(type='LoadPointsFromFile', coord_type='LIDAR', load_dim=POINT_COLUMNS, use_dim=POINT_COLUMNS)
    return dict(
        type='WaymoDataset',
        data_root=str(root),
        ann_file=ann_file,
        data_prefix=dict(pts='training/velodyne', sweeps='training/velodyne'),
        modality=dict(use_lidar=True, use_camera=False),
        pipeline=[load, dict(type='LoadAnnotations3D', with_bbox_3d=True, with_label_3d=True)],
    )


def _cut_segment(job: Job) -> None:
    """Write the points of every box of a segment, then its part."""
    rows, part, digest = job
    with DefaultScope.overwrite_default_scope('mmdet3d'):
        frames = [_cut_frame(row) for row in rows]
    write_pickle(part, {'data_list': frames, 'digest': digest})


def _cut_frame(row: int) -> dict[str, list[dict]]:
    """Class name -> entries of the boxes of a frame, with mmdet3d's keys."""
    dataset = _creator.dataset
    info = dataset.get_data_info(row)
    if not len(info['ann_info']['gt_labels_3d']):  # create_single wants a box
        return {}
    return _creator.create_single({**info, 'box_type_3d': dataset.box_type_3d, 'box_mode_3d': dataset.box_mode_3d})


def _merged(segments: list[list[dict[str, list[dict]]]]) -> dict[str, list[dict]]:
    """Class name -> entries of all frames; `group_id`, which counts from 0 in every frame, becomes unique."""
    merged: dict[str, list[dict]] = {}
    n_groups = 0
    for frame in (frame for frames in segments for frame in frames):
        entries = [entry for group in frame.values() for entry in group]
        for entry in entries:
            merged.setdefault(entry['name'], []).append({**entry, 'group_id': entry['group_id'] + n_groups})
        n_groups += max((entry['group_id'] + 1 for entry in entries), default=0)
    return merged
