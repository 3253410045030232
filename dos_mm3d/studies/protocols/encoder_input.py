"""What an encoder was fed in pretraining, and labelled scans of any data set brought to it."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from ...errors import InputError
from ...export.config_text import takes_ranks
from ...functional.intensity import RANKS_TOP, rank_intensity
from ...models.preprocessors.views import stated_grid
from ...probe.scans import LabelledScans, ProbeScan, ProbeScans
from ...structures import Grid

_CHANNEL = re.compile(r'(?P<what>.*?)\s*(?:0-(?P<top>\d+(?:\.\d+)?)|\[.*\])?')
_SQUASHED = re.compile(r'tanh\((?P<what>.*)\)')
ABSENT_IS_ZERO = {'time lag', 'elongation'}
"""Channels that are 0 where a data set has none, as joint pretraining does: a single sweep lies at no time lag."""


@dataclass(frozen=True)
class SensorFrame:
    """How points of a data set lie.

    Args:
        ground_z_m: height of the road [m], None where there is none or it is not known.
        forward: axis that points ahead, 'x' (y left: KITTI, Waymo) or 'y' (x right: nuScenes); None where nothing
            drives, or it is not known.
    """

    ground_z_m: float | None = None
    forward: str | None = None


@dataclass(frozen=True)
class EncoderInput:
    """What an encoder takes.

    Args:
        channels: names of the columns, as the configs' `input_channels`.
        point_cloud_range: (6,) [m].
        voxel_size: (3,) [m].
        num_sweeps: scans of nuScenes in a sample.
        ground_z_m: height of the ground in what it was pretrained on [m], None where there is none.
        forward: axis of what it was pretrained on that points ahead, see `SensorFrame`.
        intensity_ranks: whether it is fed ranks of intensities within a cloud (docs/method.md, A24).
    """

    channels: tuple[str, ...]
    point_cloud_range: tuple[float, ...]
    voxel_size: tuple[float, ...]
    num_sweeps: int
    ground_z_m: float | None
    forward: str | None = None
    intensity_ranks: bool = False

    @classmethod
    def of(cls, config: Mapping[str, Any], channels: Sequence[str], frame: SensorFrame) -> 'EncoderInput':
        """Of a pretraining config.

        channels, frame: those of its data set, for a config that does not state its own `input_channels`, `ground_z_m`
            and `forward_axis`.
        """
        grid = stated_grid(config['model']['data_preprocessor'])
        return cls(
            channels=tuple(config.get('input_channels') or channels),
            point_cloud_range=tuple(map(float, grid.point_cloud_range)),
            voxel_size=tuple(map(float, grid.voxel_size_m)),
            num_sweeps=sweeps_of(config['train_dataloader']['dataset']) or 1,
            ground_z_m=config.get('ground_z_m', frame.ground_z_m),
            forward=config.get('forward_axis', frame.forward),
            intensity_ranks=takes_ranks(config['train_dataloader']['dataset']),
        )

    @property
    def note(self) -> str:
        """What data are brought to, in a sentence."""
        height = 'z as it is' if self.ground_z_m is None else f'z so that the road is at {self.ground_z_m:g} m'
        axes = 'axes as they are' if self.forward is None else f'{self.forward} ahead'
        ranks = '; intensities are ranks within a frame' if self.intensity_ranks else ''
        return f'All rows are fed what the encoder was: {", ".join(self.channels)}; {height}; {axes}{ranks}.'

    def lift_m(self, ground_z_m: float | None) -> float:
        """What is added to z, so that the ground of other data lies where pretraining had it; 0 where either is not
        known."""
        return 0.0 if self.ground_z_m is None or ground_z_m is None else self.ground_z_m - ground_z_m


def sweeps_of(dataset: Mapping[str, Any]) -> int | None:
    """num_sweeps of the first data set of nuScenes' sweeps among those of a config, which may be nested; None without
    one. Members of a mixture that are not drawn from do not count."""
    if 'num_sweeps' in dataset:
        return int(dataset['num_sweeps'])
    if dataset.get('use') is not None:
        dataset = {name: dataset['members'][name] for name in dataset['use']}
    inner = [value for value in dataset.values() if isinstance(value, Mapping)]
    inner += [item for value in dataset.values() if isinstance(value, list | tuple) for item in value]
    found = (sweeps_of(part) for part in inner if isinstance(part, Mapping))
    return next((sweeps for sweeps in found if sweeps), None)


def channel_plan(wanted: Sequence[str], given: Sequence[str]) -> list[tuple[int | None, float]]:
    """For every wanted channel the column that it comes from and what that is multiplied by; None: it is zero.

    'intensity 0-255' -> 'intensity 0-1' is a factor of 1 / 255; Waymo's 'tanh(intensity)' counts as one from 0 to 1.
    ValueError for a channel that the data lack.
    """
    columns = {_what(name): (index, _top(name)) for index, name in enumerate(given)}
    plan: list[tuple[int | None, float]] = []
    for name in wanted:
        if _what(name) in columns:
            index, top = columns[_what(name)]
            plan.append((index, _top(name) / top))
        elif _what(name) in ABSENT_IS_ZERO:
            plan.append((None, 0.0))
        else:
            raise InputError(
                f'pretraining was fed {", ".join(wanted)}; the data have {", ".join(given)}, and no {_what(name)}'
            )
    return plan


def _what(name: str) -> str:
    squashed = _SQUASHED.fullmatch(name)
    return squashed['what'] if squashed else _CHANNEL.fullmatch(name)['what']


def _top(name: str) -> float:
    """The largest value of a channel that is named with its range, else 1."""
    return float(_CHANNEL.fullmatch(name)['top'] or 1)


def to_channels(points: Tensor, plan: Sequence[tuple[int | None, float]], *, lift_m: float = 0.0) -> Tensor:
    """Points (N, C) -> (N, len(plan)) float32, z raised by lift_m. The very same numbers where nothing differs."""
    zeros = points.new_zeros(len(points))
    out = torch.stack([zeros if index is None else points[:, index] * factor for index, factor in plan], dim=1)
    if lift_m:
        out[:, 2] += lift_m
    return out


def quarter_turns(given: str | None, wanted: str | None) -> int:
    """Turns by +90 degrees about z that bring what is ahead from one axis to another; 0 where either is not known."""
    if given is None or wanted is None or given == wanted:
        return 0
    return 1 if (given, wanted) == ('x', 'y') else -1


def turned(points: Tensor, turns: int) -> Tensor:
    """Points (N, >= 2), x and y first, turned about z by 0, 1 or -1 quarters; the very same where there is no turn."""
    if not turns:
        return points
    out = points.clone()
    out[:, 0], out[:, 1] = -turns * points[:, 1], turns * points[:, 0]
    return out


class FedScans(ProbeScans):
    """Labelled scans as an encoder takes them that was pretrained on other data.

    Args:
        scans: as their files give them.
        encoder_input: what the encoder was fed.
        frame: how the points of the data lie.
        score_range: [m], in the data's own frame: points outside it are seen but neither trained nor scored on, so
            that encoders of different ranges are asked about the same points. None: all in the encoder's range.
    """

    def __init__(
        self,
        scans: LabelledScans,
        encoder_input: EncoderInput,
        *,
        frame: SensorFrame = SensorFrame(),
        score_range: Sequence[float] | None = None,
    ) -> None:
        super().__init__(scans, Grid(encoder_input.point_cloud_range, encoder_input.voxel_size))
        self.score_range = score_range
        self.plan = channel_plan(encoder_input.channels, scans.channels)
        self.lift_m = encoder_input.lift_m(frame.ground_z_m)
        self.turns = quarter_turns(frame.forward, encoder_input.forward)
        self.ranked = intensity_of(encoder_input.channels) if encoder_input.intensity_ranks else None

    def seen(self, points: Tensor, labels: Tensor) -> ProbeScan:
        if self.score_range is not None:
            # ignored instead of removed: the rows of the features stay those of the points
            xyz_m, (low, high) = points[: len(labels), :3], points.new_tensor(self.score_range).view(2, 3)
            labels = torch.where(((xyz_m > low) & (xyz_m < high)).all(1), labels, 0)
        scan = super().seen(self.fed(points), labels)
        if self.score_range is None:
            return scan
        # what has no class goes: else encoders that see other points beside these would draw other training points
        known = scan.labels > 0
        return ProbeScan(scan.points, scan.key_rows[known], scan.labels[known])

    def fed(self, points: Tensor) -> Tensor:
        """What the encoder is given of all points of a scan: columns, units, height, axes, ranks."""
        out = turned(to_channels(points, self.plan, lift_m=self.lift_m), self.turns)
        if self.ranked is not None:
            column, top = self.ranked
            out[:, column] = rank_intensity(out[:, column]) * (top / RANKS_TOP)
        return out


def intensity_of(channels: Sequence[str]) -> tuple[int, float]:
    """Column of the intensity, and its largest value. ValueError where there is none."""
    for column, name in enumerate(channels):
        if _what(name) == 'intensity':
            return column, _top(name)
    raise InputError(
        f'ranks of intensities were asked for, the columns are {", ".join(channels)}: none is an intensity'
    )
