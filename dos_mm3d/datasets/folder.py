"""Pretraining on any folder of sweeps."""

import os
from collections import Counter
from collections.abc import Mapping, Sequence
from fnmatch import fnmatch

import numpy as np
import torch
from mmdet3d.registry import DATASETS
from mmengine.logging import print_log
from torch import Tensor
from tqdm import tqdm

from ..errors import InputError, MissingFileError
from ..spread import evenly_spread
from .readers import SUFFIXES, ReadOptions, is_sweep_file, read_sweep, suffix_of
from .stream import SweepStream

INTENSITY_SCALES = (1.0, 255.0, 65535.0)  # unit interval, 8 bit, 16 bit
FILES_PER_SENSOR = 3  # looked at to decide the scale


@DATASETS.register_module()
class FolderSweeps(SweepStream):
    """Every sweep below a folder, as (N, 4) float32: x, y, z in metres, intensity 0-1.

    Files of a supported suffix that hold no points (Argoverse 2's boxes and poses) are left out, and named in the log.

    Args:
        data_root: searched recursively, links followed, in sorted order; formats by suffix (`readers.SUFFIXES`), also
            mixed.
        pipeline: transforms of a sample.
        bin_columns: float32 columns of raw files, one number or a mapping by suffix; None: {'.pcd.bin': 5, '.bin': 4}.
            Checked against the content.
        npz_key: see `ReadOptions`.
        missing_intensity: see `ReadOptions`.
        intensity_max: the number that becomes 1 (larger ones are clipped), or 'auto': the smallest of 1, 255 and 65535
            that covers a few files of the same sensor, i.e. of the same sub-folder and suffix.
        exclude: patterns of paths relative to data_root that are no sweeps (`*` also matches `/`).
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
        exclude: Sequence[str] = ('*_lidarseg.bin',),
        on_bad_file: str = 'error',
    ) -> None:
        super().__init__(pipeline, on_bad_file)
        if intensity_max != 'auto' and not (isinstance(intensity_max, (int, float)) and intensity_max > 0):
            raise InputError(f"intensity_max must be 'auto' or a positive number, got {intensity_max!r}")
        self.data_root = data_root
        self.options = ReadOptions(bin_columns, npz_key, missing_intensity)
        self.frames = self.find(exclude)
        self.is_auto = intensity_max == 'auto'
        sensors = _by_sensor(self.frames)
        self.scales = {
            sensor: self._auto_scale(files) if self.is_auto else float(intensity_max)
            for sensor, files in tqdm(sensors.items(), 'intensity scales', disable=len(sensors) < 50)
        }
        self._log_scales(sensors)

    def find(self, exclude: Sequence[str]) -> list[str]:
        """The files that are sweeps; a sub-class may look in certain folders only."""
        return find_sweeps(self.data_root, exclude)

    def load(self, index: int) -> tuple[Tensor, str]:
        """Points (N, 4), x, y, z, intensity 0-1, and the file."""
        file = self.frames[index]
        sweep = self._read(file)
        scale = self.scales[_sensor(file)]
        lowest, highest = float(sweep[:, 3].min()), float(sweep[:, 3].max())
        if lowest < 0 or (self.is_auto and highest > scale):
            raise InputError(
                f'{file}: found intensities from {lowest:g} to {highest:g}; wanted 0 to {scale:g}, as in other files '
                'of the folder. Set intensity_max to what the sensor can give.'
            )
        sweep[:, 3] = np.minimum(sweep[:, 3] / np.float32(scale), 1)
        return torch.from_numpy(sweep), file

    def _read(self, file: str) -> np.ndarray:
        return read_sweep(file, **vars(self.options))

    def _auto_scale(self, files: list[str]) -> float:
        """The intensity that becomes 1 for files of one sensor."""
        highest, n_read = 0.0, 0
        for file in _spread(files, FILES_PER_SENSOR):
            try:
                highest = max(highest, float(self._read(file)[:, 3].max()))
                n_read += 1
            except (ValueError, OSError):
                if self.on_bad_file == 'error':
                    raise
            if n_read == FILES_PER_SENSOR:
                break
        scale = next((s for s in INTENSITY_SCALES if highest <= s), None)
        if scale is None:
            raise InputError(
                f'{os.path.dirname(files[0])}: found intensities up to {highest:g}; wanted at most '
                f"{INTENSITY_SCALES[-1]:g} for intensity_max='auto'. Set intensity_max to what the sensor can give."
            )
        return scale

    def _log_scales(self, sensors: dict[tuple[str, str], list[str]]) -> None:
        n_files = Counter()
        for sensor, files in sensors.items():
            n_files[self.scales[sensor]] += len(files)
        text = ', '.join(f'{scale:g} in {n} files' for scale, n in sorted(n_files.items()))
        print_log(
            f'{type(self).__name__}: {len(self)} sweeps below {self.data_root}; intensity 1 is {text}.',
            logger='current',
        )


def find_sweeps(data_root: str, exclude: Sequence[str] = ()) -> list[str]:
    """Sorted paths of all sweeps below `data_root`.

    FileNotFoundError where it is no folder; ValueError, with the suffixes found, where none
    is a sweep."""
    _check_folder(data_root)
    supported, others = [], Counter()
    for path in _walk(data_root):
        if suffix_of(path) is None:
            others[os.path.splitext(path)[1] or '(no suffix)'] += 1
        elif not any(fnmatch(os.path.relpath(path, data_root), pattern) for pattern in exclude):
            supported.append(path)
    sweeps, left_out = [], []
    for path in tqdm(supported, 'files', disable=len(supported) < 5000):
        (sweeps if is_sweep_file(path) else left_out).append(path)
    if left_out:
        names = ', '.join(sorted({os.path.basename(path) for path in left_out})[:8])
        print_log(f'FolderSweeps: {len(left_out)} files without x, y, z are left out: {names}.', logger='current')
    if not sweeps:
        found = ', '.join(f'{n} {suffix}' for suffix, n in others.most_common(8)) or 'no files'
        raise InputError(
            f'{data_root}: found {found}'
            + (f' and {len(left_out)} without x, y, z' if left_out else '')
            + '; wanted sweeps '
            f'({", ".join(SUFFIXES)}) here or in sub-folders. Set data_root to the folder of the sweeps.'
        )
    return sweeps


def _check_folder(data_root: str) -> None:
    where = f'{data_root!r} (that is {os.path.abspath(data_root or "")})'
    advice = 'Set it, for example with --cfg-options data_root=PATH.'
    if not data_root or not os.path.exists(data_root):
        raise MissingFileError(f'data_root {where} does not exist; wanted a folder of sweeps. {advice}')
    if not os.path.isdir(data_root):
        raise InputError(f'data_root {where} is a file; wanted a folder of sweeps. {advice}')


def _walk(folder: str) -> list[str]:
    """All files below, sorted; links are followed, each real folder is entered once."""
    files, entered = [], set()
    for parent, children, names in os.walk(folder, followlinks=True):
        real = os.path.realpath(parent)
        if real in entered:
            children.clear()
            continue
        entered.add(real)
        children.sort()
        files += [os.path.join(parent, name) for name in names if not name.startswith('.')]
    return sorted(files)


def _sensor(file: str) -> tuple[str, str]:
    """Files of one sensor lie in one folder and have one suffix."""
    return os.path.dirname(file), suffix_of(file)


def _by_sensor(files: list[str]) -> dict[tuple[str, str], list[str]]:
    sensors: dict[tuple[str, str], list[str]] = {}
    for file in files:
        sensors.setdefault(_sensor(file), []).append(file)
    return sensors


def _spread(files: list[str], n: int) -> list[str]:
    """All files, n evenly spaced ones first."""
    first = evenly_spread(files, n)
    return first + [file for file in files if file not in first]
