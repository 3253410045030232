"""Pretraining on nuScenes frames with their previous sweeps, without labels."""

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import PurePath

import numpy as np
import torch
from mmdet3d.registry import DATASETS
from mmengine.logging import print_log
from torch import Tensor

from ...errors import InputError, MissingFileError
from ..info_pickle import file_of_sweep, frames_of, load_info_pickle
from ..readers.raw import check_column_count, read_float_table
from ..readers.sweep import check_sweep
from ..splits import cut_scenes
from ..stream import SweepStream
from .scenes import read_scene_of_sample, tables_of

COLUMNS = 5  # on disk: x, y, z, intensity 0-255, ring
CLOSE_M = 1.0
LONGEST_LAG_S = 10.0  # between sweeps, half the time of a whole scene


@dataclass(frozen=True)
class Frames:
    """All LiDAR files that an info file knows, row i of everything describing file i.

    Args:
        paths: the files.
        timestamps_s: (F,) float64.
        lidar2global: (F, 4, 4) float64, metres.
        previous: (F,) int64, the row of the sweep before, -1 where there is none.
        is_key: (F,) bool, a key frame.
    """

    paths: list[str]
    timestamps_s: np.ndarray
    lidar2global: np.ndarray
    previous: np.ndarray
    is_key: np.ndarray


@DATASETS.register_module()
class NuScenesSweeps(SweepStream):
    """nuScenes frames as CenterPoint of mmdet3d is fed them: (N, 5) float32, x, y, z in metres in the LiDAR frame
    of the current sweep, intensity 0-255, time lag in seconds (0 for the current sweep's own points, which come first;
    larger is older).

    `scenes` and `part` need v1.0-*/sample.json and scene.json below `data_root`.

    Args:
        data_root: folder of the data set.
        ann_file: mmdet3d infos, relative to data_root or absolute.
        pipeline: transforms of a sample.
        num_sweeps: sweeps in a sample, the current one included; fewer at the start of a scene (mmdet3d's
            pad_empty_sweeps repeats the key frame there, which adds no information and is not done).
        key_frames_only: one sample for each key frame; False: one for each file, the sweeps between key frames too.
        scenes: names of the scenes to use; None: all.
        part: 'pretrain', 'probe_train' or 'validation', a fixed cut by scene of what the info file holds
            (:func:`cut_scenes`); None: all.
        data_prefix: folders of the files below data_root, in place of those of DATA_PREFIX.
        remove_close: drop points of previous sweeps within a square of 1 m around the sensor, as CenterPoint's config
            does.
        on_bad_file: 'error', or 'skip' a file that cannot be read (:class:`SweepStream`).
    """

    DATA_PREFIX = dict(pts='samples/LIDAR_TOP', sweeps='sweeps/LIDAR_TOP')

    def __init__(
        self,
        data_root: str,
        ann_file: str,
        pipeline: Sequence[dict] = (),
        num_sweeps: int = 10,
        key_frames_only: bool = True,
        scenes: Sequence[str] | None = None,
        part: str | None = None,
        data_prefix: Mapping[str, str] | None = None,
        remove_close: bool = True,
        on_bad_file: str = 'error',
    ) -> None:
        super().__init__(pipeline, on_bad_file)
        if num_sweeps < 1:
            raise InputError(f'num_sweeps must be at least 1, got {num_sweeps}')
        self.num_sweeps, self.remove_close = num_sweeps, remove_close
        infos = load_info_pickle(os.path.join(data_root, ann_file), data_set='nuscenes')
        infos = select_scenes(infos, data_root, scenes=scenes, part=part)
        prefix = {
            name: os.path.join(data_root, folder)
            for name, folder in {**self.DATA_PREFIX, **(data_prefix or {})}.items()
        }
        self.table = frame_table(frames_of(infos, os.path.join(data_root, ann_file), data_set='nuscenes'), prefix)
        # (n,) rows of `table`, each the current sweep of one sample
        self.frames = np.flatnonzero(self.table.is_key) if key_frames_only else np.arange(len(self.table.paths))
        if not len(self.frames):
            raise InputError(
                f'{os.path.join(data_root, ann_file)}: found no frame; wanted at least one. Check the scenes.'
            )
        self._check_times(os.path.join(data_root, ann_file))
        self._check_first_file()
        kind = 'key frames' if key_frames_only else 'key frames and sweeps between them'
        print_log(f'NuScenesSweeps: {len(self)} {kind}, each with up to {num_sweeps} sweeps.', logger='current')

    def load(self, index: int) -> tuple[Tensor, str]:
        """Points (N, 5), x, y, z, intensity 0-255, time lag in s, and the current sweep's file."""
        current = int(self.frames[index])
        rows = self._rows_of_sample(current)
        tables = [self._read(row) for row in rows]
        points = [self._into_frame(table, row, current) for table, row in zip(tables, rows, strict=True)]
        return torch.from_numpy(np.concatenate(points)), self.table.paths[current]

    def _rows_of_sample(self, current: int) -> list[int]:
        rows = [current]
        while len(rows) < self.num_sweeps and self.table.previous[rows[-1]] >= 0:
            rows.append(int(self.table.previous[rows[-1]]))
        return rows

    def _read(self, row: int) -> np.ndarray:
        path = self.table.paths[row]
        if not os.path.isfile(path):
            raise MissingFileError(
                f'{path}: no such file; wanted a sweep that the infos name. Check data_root and data_prefix, or that '
                'all parts of the data set are there.'
            )
        table = read_float_table(path, COLUMNS)
        check_sweep(path, table)
        return table

    def _into_frame(self, table: np.ndarray, row: int, current: int) -> np.ndarray:
        """Points of sweep `row` in the current sweep's LiDAR frame, the ring replaced by the time lag."""
        if row != current:
            if self.remove_close:
                table = table[~(np.abs(table[:, :2]) < CLOSE_M).all(1)]
            poses = self.table.lidar2global
            sweep2current = np.linalg.solve(poses[current], poses[row]).astype(np.float32)
            table[:, :3] = table[:, :3] @ sweep2current[:3, :3].T + sweep2current[:3, 3]
        table[:, 4] = self.table.timestamps_s[current] - self.table.timestamps_s[row]
        return table

    def _check_times(self, info_file: str) -> None:
        """The time lag is a channel: in other units it would be another one."""
        rows = np.flatnonzero(self.table.previous >= 0)
        lags_s = self.table.timestamps_s[rows] - self.table.timestamps_s[self.table.previous[rows]]
        if len(rows) and not 0 < np.median(lags_s) < LONGEST_LAG_S:
            raise InputError(
                f'{info_file}: found {np.median(lags_s):g} between a sweep and the one before; wanted seconds, 0 to '
                f'{LONGEST_LAG_S:g}. The timestamps are in another unit (microseconds?), or the sweeps are not in '
                'order: create the infos again with `python tools/create_data.py nuscenes ...`.'
            )

    def _check_first_file(self) -> None:
        """Wrong columns would be the same in all files: one is looked at."""
        path = self.table.paths[self.frames[0]]
        if os.path.isfile(path):
            check_column_count(read_float_table(path, COLUMNS).reshape(-1), COLUMNS, path)


def frame_table(data_list: Sequence[dict], prefix: Mapping[str, str]) -> Frames:
    """All files of the infos, each once, in the order in which they are met; `prefix` holds the folders 'pts' and
    'sweeps'.

    A key frame's sweeps run backwards in time without gaps, so that each is the predecessor of the one before it."""
    rows: dict[str, int] = {}
    records: list[tuple[float, np.ndarray]] = []
    previous: dict[int, int] = {}
    keys: set[int] = set()
    for info in data_list:
        newer = -1
        for entry, is_key in [(info, True), *((sweep, False) for sweep in info.get('lidar_sweeps', ()))]:
            name = PurePath(entry['lidar_points']['lidar_path']).name
            path = os.path.join(prefix['pts'], name) if is_key else file_of_sweep(entry, prefix)
            row = rows.setdefault(path, len(rows))
            if row == len(records):
                records.append(_record(entry, path))
            if is_key:
                keys.add(row)
            else:
                previous.setdefault(newer, row)
            newer = row
    n = len(records)
    return Frames(
        paths=list(rows),
        timestamps_s=np.array([timestamp_s for timestamp_s, _ in records]),
        lidar2global=np.array([pose for _, pose in records]).reshape(n, 4, 4),
        previous=np.array([previous.get(row, -1) for row in range(n)], np.int64),
        is_key=np.isin(np.arange(n), sorted(keys)),
    )


def select_scenes(infos: dict, data_root: str, *, scenes: Sequence[str] | None, part: str | None) -> dict:
    """The infos with only the frames of the wanted scenes; unchanged where neither argument is given."""
    if scenes is None and part is None:
        return infos
    tables = tables_of(data_root, infos['metainfo'])
    scene_of = read_scene_of_sample(tables)
    strangers = [info['token'] for info in infos['data_list'] if info['token'] not in scene_of]
    if strangers:
        raise InputError(
            f'{tables}: found {len(strangers)} of {len(infos["data_list"])} frames of the infos not in sample.json; '
            'wanted the tables that the infos were made from. Check data_root and ann_file.'
        )
    present = list(dict.fromkeys(scene_of[info['token']] for info in infos['data_list']))
    if unknown := sorted(set(scenes or ()) - set(present)):
        raise InputError(
            f'{data_root}: found scenes {present}; wanted {unknown}. Correct `scenes` or take another ann_file.'
        )
    wanted = set(present if scenes is None else scenes)
    if part is not None:
        parts = cut_scenes(present)
        if part not in parts:
            raise InputError(f'part must be one of {sorted(parts)} or None, got {part!r}')
        wanted &= set(parts[part])
    if not wanted:
        raise InputError(
            f'{data_root}: found {len(present)} scenes, none left by scenes={scenes}, part={part!r}; '
            'wanted at least one. Correct them.'
        )
    return {**infos, 'data_list': [info for info in infos['data_list'] if scene_of[info['token']] in wanted]}


def _record(entry: dict, path: str) -> tuple[float, np.ndarray]:
    """(time in s, LiDAR to global (4, 4) float64) of an info entry."""
    ego2global, lidar2ego = entry.get('ego2global'), entry['lidar_points'].get('lidar2ego')
    if ego2global is None or lidar2ego is None:
        raise InputError(
            f'{path}: found no pose in its info entry; wanted ego2global and lidar_points.lidar2ego. '
            'Create the infos again with `python tools/create_data.py nuscenes ...`.'
        )
    try:
        poses = [np.asarray(pose, np.float64).reshape(4, 4) for pose in (ego2global, lidar2ego)]
        timestamp_s = float(entry['timestamp'])
    except (KeyError, TypeError, ValueError) as error:
        raise InputError(
            f'{path}: its info entry has poses or a timestamp that are none ({error!r}); wanted two 4 x 4 matrices '
            'and a number. Create the infos again with `python tools/create_data.py nuscenes ...`.'
        ) from error
    return timestamp_s, poses[0] @ poses[1]
