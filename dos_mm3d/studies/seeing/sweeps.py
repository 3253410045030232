"""Sweeps of any format through the backbones of a pretraining checkpoint or an exported file."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from mmengine.config import Config
from torch import Tensor

from ...datasets.folder_check import levels_of, unit_scale
from ...datasets.readers import ReadOptions, load_sweep
from ...errors import InputError, MissingFileError
from ...export.files import read_checkpoint
from ...models.methods import DOS
from ...probe.features import EncoderFeatures
from ...probe.pretrained import load_pretrained
from ...probe.scans import LabelledScans, ProbeScan
from ..protocols.encoder_input import FedScans, SensorFrame
from ..protocols.sources import Source, read_sources
from ..runner.tool import named_path
from ..zoo import WEIGHTS, read_index
from .labels import PointLabels
from .together import SeenSweep


class SweepFiles(LabelledScans):
    """Single sweeps without labels, their intensities brought to 0-1.

    Args:
        files: in any format of the readers.
        options: how they are read.
        intensity_max: the number that becomes 1; None: of each file the smallest of 1, 255 and 65535 that covers 99 %
            of its intensities above 0.
    """

    channels = ('x [m]', 'y [m]', 'z [m]', 'intensity 0-1')
    classes = ()

    def __init__(self, files: Sequence[Path], options: ReadOptions, intensity_max: float | None = None) -> None:
        self.files, self.options, self.intensity_max = list(files), options, intensity_max
        self.names = self.sequences = [str(file) for file in files]

    def read(self, index: int) -> tuple[Tensor, Tensor]:
        points = load_sweep(self.names[index], self.options).points
        levels = levels_of(points[:, 3])
        scale = self.intensity_max or unit_scale(levels)
        if scale is None:
            raise InputError(
                f'{self.names[index]}: found intensities up to {levels.highest:g}; say which one becomes 1: '
                f'--intensity-max {levels.high:.3g}'
            )
        points[:, 3] = np.minimum(points[:, 3] / np.float32(scale), 1)
        return torch.from_numpy(points), torch.zeros(len(points), dtype=torch.int64)


def source_of(checkpoint: str, config: str | None) -> Source:
    """The checkpoint or exported file of a command line, with its config: `PATH`, `DATASET=PATH`, or the name of
    weights that ship, such as `second_small`."""
    name, path = named_path(checkpoint)
    (source,) = read_sources([f'{name or "pretraining"}={zoo_file(path)}'], [config] if config else [], None, {})
    return source


def zoo_file(path: Path) -> Path:
    """A path as it is; where nothing is there and it is the name of weights that ship, their file."""
    if path.exists() or path.suffix or len(path.parts) != 1:
        return path
    entries = read_index()
    if path.name not in entries:
        known = f'those that ship: {", ".join(entries)}' if entries else f'there is no {WEIGHTS}/ here with any'
        raise MissingFileError(f'{path}: no such file, and no such weights; {known}')
    return WEIGHTS / entries[path.name]['file']


def load_source(source: Source) -> DOS:
    """Its model, in eval mode, the head's schedules where the training had come to."""
    cfg = Config(dict(source.config))
    model = load_pretrained(cfg, source.checkpoint)
    steps = (cfg.get('train_cfg') or {}).get('max_iters')
    done = read_checkpoint(source.checkpoint).get('meta', {}).get('iter')
    if not source.exported and isinstance(steps, int) and isinstance(done, int):
        model.set_step(min(done, steps), steps)
    return model


def see(
    model: DOS, source: Source, scans: SweepFiles, frame: SensorFrame, labels: PointLabels | None = None
) -> list[SeenSweep]:
    """Every sweep as the encoder sees it: whole, unmasked, not augmented.

    frame: how the points of the files lie, as far as it is known.
    InputError where no point of a sweep is in the encoder's range, or there are more or fewer labels than points.
    """
    fed = FedScans(scans, source.input, frame=frame)
    branches = {'teacher': model.teacher.backbone}
    if not source.exported:
        branches['student'] = model.student.backbone
    encoders = EncoderFeatures(model, branches)
    seen = []
    for index, file in enumerate(scans.files):
        points, _ = scans.read(index)
        own_labels = None if labels is None else labels.of_sweep[index]
        if own_labels is not None and len(own_labels) != len(points):
            raise InputError(
                f'{file}: {len(own_labels)} labels for {len(points)} points; wanted one for each, in the same order. '
                'Points without a return, at (0, 0, 0) or NaN, are left out when a sweep is read: take out their labels'
            )
        given = fed.fed(points)
        _, inside = fed.grid.voxels(given[:, :3])
        if not inside.any():
            raise InputError(
                f'{file}: none of its {len(points)} points lies in the range of the encoder, '
                f'{list(source.input.point_cloud_range)} m; are they metres, from the sensor?'
            )
        n_inside = int(inside.sum())
        blocks = encoders(ProbeScan(given[inside], torch.arange(n_inside), torch.zeros(n_inside, dtype=torch.int64)))
        seen.append(
            SeenSweep(
                file=file,
                points=points[inside],
                n_outside=len(points) - n_inside,
                cell_of_point=blocks['teacher'].row_of_point,
                teacher=blocks['teacher'].values,
                student=blocks['student'].values if 'student' in blocks else None,
                labels=None if own_labels is None else own_labels[inside.numpy()],
            )
        )
    return seen
