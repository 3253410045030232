"""Pretraining on any folder of sweeps."""

import logging
import os
import re
from collections import Counter
from collections.abc import Callable, Hashable, Mapping, Sequence
from typing import Any

import numpy as np
import torch
from mmdet3d.registry import DATASETS
from mmengine.logging import print_log
from torch import Tensor

from ..errors import InputError, MissingFileError
from ..progress import progress_bar
from ..spread import evenly_spread
from .folder_check import (
    NO_XYZ,
    PERCENTILE,
    SCALES,
    Found,
    Levels,
    Looks,
    copies_among,
    is_other_scale,
    levels_of,
    look_for_sweeps,
    parts_among,
    unit_scale,
    usual_levels,
)
from .readers import SUFFIXES, ReadOptions, load_sweep, suffix_of
from .stream import SweepStream

FILES_PER_SENSOR = 3  # looked at to decide the scale
VALUES_CHECKED = 2**14  # of each sweep that is drawn: another scale shows in a part of it
Sensor = tuple[str, ...]
"""Folder and suffix of its files, and the letters of their names where several sensors share these."""


@DATASETS.register_module()
class FolderSweeps(SweepStream):
    """Every sweep below a folder, as (N, 4) float32: x, y, z in metres, intensity 0-1; with a time lag (N, 5).

    What is known to be no sweep is left out: files without x, y, z (boxes, poses, labels), objects cut out of sweeps,
    radars, predictions, and reduced or backup copies. Of each sweep, points without a return are left out. The log says
    all of it once, and what looks wrong but is kept, such as files with the very bytes of another one.

    Args:
        data_root: searched recursively, links followed, in sorted order; formats by suffix (`readers.SUFFIXES`), also
            mixed.
        pipeline: transforms of a sample.
        bin_columns: float32 columns of raw files, one number or a mapping by suffix; None: {'.pcd.bin': 5, '.bin': 4}.
            Checked against the content.
        npz_key: see `ReadOptions`.
        missing_intensity: see `ReadOptions`.
        time_lag: fifth column, seconds since the key frame, see `ReadOptions`.
        intensity_top: what the largest intensity becomes; 255 is the scale of nuScenes.
        intensity_max: the number that becomes the top (larger ones too), or 'auto': the smallest of 1, 255 and 65535
            that covers 99 % of the intensities above 0 in a few files of the same sensor, i.e. of the same sub-folder
            and suffix. Where these are on different scales, sensors are told apart by the letters in the names, too.
        exclude: patterns (or one) of paths relative to data_root that are no sweeps (`*` also matches `/`).
        on_bad_file: 'error' or 'skip', see :class:`SweepStream`.
    """

    def __init__(
        self,
        data_root: str,
        pipeline: Sequence[dict] = (),
        bin_columns: int | Mapping[str, int] | None = None,
        npz_key: str | None = None,
        missing_intensity: str = 'error',
        intensity_max: float | str = 'auto',
        exclude: Sequence[str] | str = (),
        on_bad_file: str = 'error',
        time_lag: int | str | None = None,
        intensity_top: float = 1.0,
    ) -> None:
        super().__init__(pipeline, on_bad_file)
        self.data_root = data_root
        self.options = ReadOptions(bin_columns, npz_key, missing_intensity, time_lag)
        self.intensity_top = intensity_top
        self.stated_scale = _stated_scale(intensity_max)
        self.frames = self.find([exclude] if isinstance(exclude, str) else exclude)
        self.levels: dict[Sensor, Levels] = {}
        self.scales: dict[Sensor, float] = {}
        self._sensor_of: dict[str, Sensor] = {}
        self._looks = Looks()
        # a stated scale is that of all files: a few of them are enough to look at
        sensors = {('every',): self.frames} if self.stated_scale else _by(_place, self.frames)
        for sensor, files in progress_bar(sensors.items(), 'intensity scales', disable=len(sensors) < 50):
            self._look_at(sensor, files)
        self._log()

    def find(self, exclude: Sequence[str]) -> list[str]:
        """The files that are sweeps; a sub-class may look in certain folders only."""
        return find_sweeps(self.data_root, exclude, self.options, on_bad_file=self.on_bad_file)

    def load(self, index: int) -> tuple[Tensor, str]:
        """Points (N, 4 or 5), x, y, z, intensity from 0 to the top, maybe time lag, and the file."""
        file = self.frames[index]
        read = load_sweep(file, self.options)
        for line in self._looks.news(file, read) if read.mended else ():
            print_log(f'{type(self).__name__}: {line}.', logger='current', level=logging.WARNING)
        sweep = read.points
        sensor = self._sensor_of[file]
        usual = self.levels[sensor]
        every = 1 + len(sweep) // VALUES_CHECKED
        if self.stated_scale is None and is_other_scale(levels := levels_of(sweep[::every, 3]), usual):
            raise _mixed(self.data_root, file, levels, usual)
        sweep[:, 3] = np.minimum(sweep[:, 3] / np.float32(self.scales[sensor]), 1) * np.float32(self.intensity_top)
        return torch.from_numpy(sweep), file

    def _look_at(self, sensor: Sensor, files: Sequence[str]) -> None:
        """Decide the scale of one sensor's files by a few of them; of several sensors in one folder, that of each."""
        intensities = self._read_some(files)
        each = {file: levels_of(values) for file, values in intensities.items()}
        together = levels_of(np.concatenate(list(intensities.values()) or [np.empty(0, np.float32)]))
        levels = usual_levels(list(each.values()), together)
        others = [file for file, own in each.items() if is_other_scale(own, levels)]
        if others and self.stated_scale is None:
            families = _by(_letters, files)
            if len(families) == 1:
                raise _mixed(self.data_root, others[0], each[others[0]], levels)
            for letters, own in families.items():
                self._look_at((*sensor, letters), own)
            return
        scale = self.stated_scale or unit_scale(levels)
        if scale is None:
            raise InputError(
                f'{os.path.dirname(files[0])}: found intensities up to {levels.highest:g}, {PERCENTILE} % of them up '
                f"to {levels.high:g}; wanted at most {SCALES[-1]:g} for intensity_max='auto'. Set intensity_max to "
                f'what the sensor can give, for example intensity_max={levels.high:.3g}'
            )
        self.levels[sensor], self.scales[sensor] = levels, scale
        self._sensor_of.update(dict.fromkeys(files, sensor))
        for file, values in intensities.items():
            self._looks.add_intensities(file, values, levels, scale)

    def _read_some(self, files: Sequence[str]) -> dict[str, np.ndarray]:
        """File -> (n,) intensities, of a few that can be read."""
        read: dict[str, np.ndarray] = {}
        for file in _spread(files, FILES_PER_SENSOR):
            try:
                sweep = load_sweep(file, self.options)
            except (ValueError, OSError):
                if self.on_bad_file == 'error':
                    raise
                continue
            self._looks.add(file, sweep)
            read[file] = sweep.points[:, 3].copy()
            if len(read) == FILES_PER_SENSOR:
                break
        return read

    def _log(self) -> None:
        n_files = Counter(self.scales[sensor] for sensor in self._sensor_of.values())
        text = ', '.join(f'{scale:g} in {n} files' for scale, n in sorted(n_files.items()))
        name = type(self).__name__
        print_log(
            f'{name}: {len(self)} sweeps below {self.data_root}; intensity {self.intensity_top:g} is {text}.',
            logger='current',
        )
        for line in self._looks.lines():
            print_log(f'{name}: {line}', logger='current', level=logging.WARNING)


def find_sweeps(
    data_root: str,
    exclude: Sequence[str] = (),
    options: ReadOptions | None = None,
    *,
    on_bad_file: str = 'skip',
) -> list[str]:
    """Sorted paths of all sweeps below `data_root`; what is left out is named in the log.

    on_bad_file: with 'error' those that by size or header cannot be read are refused at once, not when they are drawn.
    FileNotFoundError where it is no folder; ValueError, with the suffixes found, where none
    is a sweep."""
    _check_folder(data_root)
    options = options or ReadOptions()
    found = look_for_sweeps(data_root, exclude, options)
    left_out = [found.summary(data_root, reason) for reason in found.left_out]
    others = ', '.join(f'{n} {suffix}' for suffix, n in found.others.most_common(8))
    if not found.sweeps:
        raise InputError(
            f'{data_root}: found {others or "no files"}; wanted sweeps ({", ".join(SUFFIXES)}) here or in sub-folders. '
            f'{" ".join(left_out)}{" " * bool(left_out)}{_why_none(found, options)}'
        )
    for line in left_out:
        print_log(f'FolderSweeps: {line}', logger='current')
    if others:
        print_log(f'FolderSweeps: not read, of another format than {", ".join(SUFFIXES)}: {others}.', logger='current')
    for file in found.unreadable if on_bad_file == 'error' else ():
        load_sweep(file, options)
    if parts := parts_among(found.sweeps, options):
        print_log(f'FolderSweeps: {parts}', logger='current', level=logging.WARNING)
    if copies := copies_among(found.sweeps):
        print_log(
            f'FolderSweeps: {len(copies)} of {len(found.sweeps)} sweeps are copies of others, byte for byte, and count '
            f'as often as they are there. The first: {copies[0]}. Remove them, or keep them out with exclude=[...].',
            logger='current',
            level=logging.WARNING,
        )
    return found.sweeps


def _why_none(found: Found, options: ReadOptions) -> str:
    """What is to be done where no file is a sweep: the reader says it of the first that might be meant for one."""
    for file in found.left_out.get(NO_XYZ, ())[:1]:
        try:
            load_sweep(file, options)
        except InputError as error:
            return f'The first: {error}'
    return 'Set data_root to the folder of the sweeps.'


def _stated_scale(intensity_max: float | str) -> float | None:
    """The number, or the text of one as a command line gives it; None for 'auto'."""
    if intensity_max == 'auto':
        return None
    try:
        scale = float(intensity_max)
    except (TypeError, ValueError):
        scale = 0.0
    if not 0 < scale < np.inf or isinstance(intensity_max, bool):
        raise InputError(f"intensity_max must be 'auto' or a positive number, got {intensity_max!r}")
    return scale


def _mixed(data_root: str, file: str, found: Levels, usual: Levels) -> InputError:
    return InputError(
        f'{file}: found intensities up to {found.high:g} ({PERCENTILE} % of them); wanted 0 to '
        f'{unit_scale(usual) or usual.high:g}, up to {usual.high:g} as in other files of the folder. Another sensor or '
        'another scale: put its files into a sub-folder of their own, each gets its own scale, or keep them out with '
        f'exclude=[{os.path.relpath(file, data_root)}]'
    )


def _check_folder(data_root: str) -> None:
    where = f'{data_root!r} (that is {os.path.abspath(data_root or "")})'
    advice = 'Set it, for example with --cfg-options data_root=PATH.'
    if not data_root or not os.path.exists(data_root):
        raise MissingFileError(f'data_root {where} does not exist; wanted a folder of sweeps. {advice}')
    if not os.path.isdir(data_root):
        raise InputError(f'data_root {where} is a file; wanted a folder of sweeps. {advice}')


def _place(file: str) -> Sensor:
    """Files of one sensor lie in one folder and have one suffix."""
    return os.path.dirname(file), suffix_of(file)


def _letters(file: str) -> str:
    """A file's name without its numbers: what is left names the sensor, where there are several in a folder."""
    return re.sub(r'\d+', '', os.path.basename(file))


def _by(key: Callable[[str], Hashable], files: Sequence[str]) -> dict[Any, list[str]]:
    groups: dict[Any, list[str]] = {}
    for file in files:
        groups.setdefault(key(file), []).append(file)
    return groups


def _spread(files: Sequence[str], n: int) -> list[str]:
    """All files, n evenly spaced ones first."""
    first = evenly_spread(files, n)
    return first + [file for file in files if file not in first]
