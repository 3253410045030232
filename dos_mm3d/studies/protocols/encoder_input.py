"""What an encoder was fed in pretraining, and labelled scans of any data set brought to it."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from ...errors import InputError
from ...models.preprocessors.views import stated_grid
from ...probe.scans import LabelledScans, ProbeScan, ProbeScans
from ...structures import Grid

_CHANNEL = re.compile(r'(?P<what>.*?)\s*(?:0-(?P<top>\d+(?:\.\d+)?)|\[.*\])?')
_SQUASHED = re.compile(r'tanh\((?P<what>.*)\)')
ABSENT_IS_ZERO = {'time lag', 'elongation'}
"""Channels that are 0 where a data set has none, as joint pretraining does: a single sweep lies at no time lag."""


@dataclass(frozen=True)
class EncoderInput:
    """What an encoder takes.

    Args:
        channels: names of the columns, as the configs' `input_channels`.
        point_cloud_range: (6,) [m].
        voxel_size: (3,) [m].
        num_sweeps: scans of nuScenes in a sample.
        ground_z_m: height of the ground in what it was pretrained on [m], None where there is none.
    """

    channels: tuple[str, ...]
    point_cloud_range: tuple[float, ...]
    voxel_size: tuple[float, ...]
    num_sweeps: int
    ground_z_m: float | None

    @classmethod
    def of(cls, config: Mapping[str, Any], channels: Sequence[str], ground_z_m: float | None) -> 'EncoderInput':
        """Of a pretraining config; channels: those of its data set, for a config that does not name its own."""
        grid = stated_grid(config['model']['data_preprocessor'])
        return cls(
            channels=tuple(config.get('input_channels') or channels),
            point_cloud_range=tuple(map(float, grid.point_cloud_range)),
            voxel_size=tuple(map(float, grid.voxel_size_m)),
            num_sweeps=sweeps_of(config['train_dataloader']['dataset']) or 1,
            ground_z_m=ground_z_m,
        )

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


class FedScans(ProbeScans):
    """Labelled scans as an encoder takes them that was pretrained on other data.

    Args:
        scans: as their files give them.
        encoder_input: what the encoder was fed.
        ground_z_m: height of the ground in the data.
        score_range: [m], in the data's own frame: points outside it are seen but neither trained nor scored on, so
            that encoders of different ranges are asked about the same points. None: all in the encoder's range.
    """

    def __init__(
        self,
        scans: LabelledScans,
        encoder_input: EncoderInput,
        *,
        ground_z_m: float | None = None,
        score_range: Sequence[float] | None = None,
    ) -> None:
        super().__init__(scans, Grid(encoder_input.point_cloud_range, encoder_input.voxel_size))
        self.score_range = score_range
        self.plan = channel_plan(encoder_input.channels, scans.channels)
        self.lift_m = encoder_input.lift_m(ground_z_m)

    def seen(self, points: Tensor, labels: Tensor) -> ProbeScan:
        if self.score_range is not None:
            # ignored instead of removed: the rows of the features stay those of the points
            xyz_m, (low, high) = points[: len(labels), :3], points.new_tensor(self.score_range).view(2, 3)
            labels = torch.where(((xyz_m > low) & (xyz_m < high)).all(1), labels, 0)
        scan = super().seen(to_channels(points, self.plan, lift_m=self.lift_m), labels)
        if self.score_range is None:
            return scan
        # what has no class goes: else encoders that see other points beside these would draw other training points
        known = scan.labels > 0
        return ProbeScan(scan.points, scan.key_rows[known], scan.labels[known])
