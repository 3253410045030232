"""Pretraining on several data sets at once: one stream of samples with common channels."""

import logging
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from mmdet3d.registry import DATASETS
from mmengine.logging import print_log
from torch import Tensor, cat

from ..errors import InputError, InputTypeError, MissingFileError
from ..functional.intensity import IntensityScale, check_intensity_scale, unit_intensity
from ..spread import evenly_spread
from .folder_check import levels_of
from .mixing import cached_member_order, cached_schedule, draws_per_pass
from .stream import BadDraw, BadSampleError, Draw, SweepStream, check_choice, replacement

FRAMES_LOOKED_AT = 3
FAINT = 1 / 128  # what 99 % of the intensities stay below in all sweeps looked at: the sensor's scale is another one


@dataclass(frozen=True)
class Member:
    """One data set of the mixture.

    Args:
        name: of the data set in the mixture.
        dataset: its stream of sweeps.
        intensity: how its fourth column comes to 0-1.
        extra_channels: what its columns after x, y, z, intensity are, () where none is wanted.
    """

    name: str
    dataset: SweepStream
    intensity: IntensityScale
    extra_channels: tuple[str, ...]

    def common(self, points: Tensor, wanted: Sequence[str]) -> Tensor:
        """(N, C) points of this member -> (N, 4 + len(wanted)): x, y, z, intensity 0-1, and the wanted channels, zero
        where this member lacks one."""
        if self.extra_channels and points.shape[1] != 4 + len(self.extra_channels):
            raise InputError(
                f'found {points.shape[1]} columns; wanted x, y, z, intensity and extra_channels='
                f'{list(self.extra_channels)}. Correct extra_channels of this member.'
            )
        intensity = unit_intensity(points[:, 3], self.intensity)
        extra = [
            points[:, 4 + self.extra_channels.index(name)]
            if name in self.extra_channels
            else points.new_zeros(len(points))
            for name in wanted
        ]
        return cat((points[:, :3], *(column[:, None] for column in (intensity, *extra))), dim=1)


@DATASETS.register_module()
class JointSweeps(SweepStream):
    """Several streams of sweeps as one, with common channels. Samples carry the name of their data set as `member`.

    Samples are (N, 4 + E) float32: x, y, z in metres in each sensor's own frame, intensity 0-1, and `extra_channels`.
    A pass (an epoch) has as many draws as there are frames in all members, with weights as well. Each holds exact
    shares, to the nearest draw; a member that is drawn more or less often than it has frames runs through all of them
    before any comes again. A bad sweep is replaced by one of the same member. Errors name the member.

    Args:
        members: name -> dict(dataset=..., intensity=..., extra_channels=...). dataset: a SweepStream without pipeline.
            intensity: how its fourth column comes to 0-1, see :func:`unit_intensity`: a number, 'tanh' or 'unit'.
            extra_channels: the names of its columns after the fourth, in order; not given, they are dropped.
        pipeline: transforms of a sample.
        weights: name -> share of the draws, any positive numbers. None: by frame count, so that each frame of each
            member is drawn once in a pass (docs/method.md, A22).
        use: names of the members to draw from; the others are not even built. None: all.
        extra_channels: those of the joint samples, each known to at least one member, zero for the others.
        on_bad_file: 'error' or 'skip', see :class:`SweepStream`.
    """

    def __init__(
        self,
        members: Mapping[str, Mapping],
        pipeline: Sequence[dict] = (),
        weights: Mapping[str, float] | None = None,
        use: Sequence[str] | None = None,
        extra_channels: Sequence[str] = (),
        on_bad_file: str = 'error',
    ) -> None:
        super().__init__(pipeline, on_bad_file)
        names = _chosen(members, use)
        shares = None if weights is None else _checked_weights(weights, names)
        self.extra_channels = tuple(extra_channels)
        self.members = [_build(name, members[name], on_bad_file) for name in names]
        self.n_frames = [len(member.dataset) for member in self.members]
        self.draws = tuple(draws_per_pass(self.n_frames, shares))
        self._first = np.cumsum([0, *self.n_frames])
        self.frames = range(sum(self.n_frames))
        self._check_draws()
        self._check_channels()
        for member in self.members:
            self._look_at(member)
        self._log_shares()

    @property
    def metainfo(self) -> dict:
        """What mmengine writes beside the weights: with frames and draws of each member."""
        counts = zip(self.members, self.n_frames, self.draws, strict=True)
        members = {m.name: {'n_frames': n, 'draws': d, 'intensity': m.intensity} for m, n, d in counts}
        return {**super().metainfo, 'members': members}

    def index_of(self, draw: Draw, attempt: int = 0) -> int:
        """The frame drawn at a position; a replacement is drawn uniformly from the same member."""
        number, i = divmod(draw.position, len(self))
        members, before = cached_schedule(draw.seed, number, self.draws)
        member = int(members[i])
        n = self.n_frames[member]
        if attempt:
            return int(self._first[member]) + replacement(draw, attempt, n)
        own_pass, j = divmod(number * self.draws[member] + int(before[i]), n)
        return int(self._first[member] + cached_member_order(draw.seed, member, own_pass, n)[j])

    def member_of(self, index: int) -> tuple[Member, int]:
        """The member that frame `index` belongs to, and its number there."""
        place = int(np.searchsorted(self._first, index, side='right')) - 1
        return self.members[place], index - int(self._first[place])

    def load(self, index: int) -> tuple[Tensor, str]:
        """Points (N, 4 + E), and the file, of frame `index`."""
        member, own_index = self.member_of(index)
        return self._load(member, own_index)

    def _load(self, member: Member, own_index: int) -> tuple[Tensor, str]:
        points, file = member.dataset.load(own_index)
        try:
            return member.common(points, self.extra_channels), file
        except InputError as error:
            raise InputError(f'{file}: {error}') from error

    def _attempt(self, draw: Draw, attempt: int, skipped: list[str]) -> dict:
        member, _ = self.member_of(self.index_of(draw, attempt))
        try:
            item = super()._attempt(draw, attempt, skipped)
        except BadDraw as bad:
            raise BadDraw(_naming(bad.error, member.name)) from bad.error
        return {**item, 'member': member.name}

    def _check_draws(self) -> None:
        for member, draws in zip(self.members, self.draws, strict=True):
            if not draws:
                raise InputError(
                    f'member {member.name}: found a weight so small that it gets none of the {len(self)} draws of a '
                    'pass; wanted at least one. Raise its weight, or leave it out with `use`.'
                )

    def _check_channels(self) -> None:
        known = {name for member in self.members for name in member.extra_channels}
        if unknown := [name for name in self.extra_channels if name not in known]:
            raise InputError(
                f'extra_channels: found {unknown}, which no member has; wanted some of {sorted(known)}. '
                'Name them in extra_channels of the members, too.'
            )

    def _look_at(self, member: Member) -> None:
        """A wrong scale is the same in all sweeps: a few are looked at before training starts."""
        brightest = brightest_middle = 0.0
        for own_index in evenly_spread(range(len(member.dataset)), FRAMES_LOOKED_AT):
            try:
                points, file = self._load(member, own_index)
            except (ValueError, OSError) as error:
                if self.on_bad_file == 'error':
                    raise _naming(error, member.name) from error
                continue
            levels = levels_of(points[:, 3].numpy())
            brightest, brightest_middle = max(brightest, levels.high), max(brightest_middle, levels.middle)
        if 0 < brightest < FAINT:
            raise InputError(
                f'member {member.name}: {file}: found 99 % of the intensities below {brightest:.2g} after '
                f'intensity={member.intensity!r}; wanted 0 to 1. Set intensity to what the sensor can give.'
            )
        if 0 < brightest_middle < FAINT:
            print_log(
                f'JointSweeps: member {member.name}: half of the intensities are at most {brightest_middle:.2g} after '
                f'intensity={member.intensity!r}: nearly nothing is left of most of them. If a few large ones are not '
                "the sensor's, set intensity to what it gives without them.",
                logger='current',
                level=logging.WARNING,
            )

    def _log_shares(self) -> None:
        rows = zip(self.members, self.n_frames, self.draws, strict=True)
        text = ', '.join(f'{m.name} {d / len(self):.1%} ({n} frames)' for m, n, d in rows)
        print_log(f'JointSweeps: a pass has {len(self)} draws: {text}.', logger='current')


def _chosen(members: Mapping[str, Mapping], use: Sequence[str] | None) -> list[str]:
    """Names of the members to build, in the order of `members`."""
    if not members:
        raise InputError('members is empty; wanted name -> dict(dataset=..., intensity=...)')
    wanted = list(members) if use is None else list(use)
    check_choice('use', wanted, members)
    return [name for name in members if name in wanted]


def _checked_weights(weights: Mapping[str, float], names: Sequence[str]) -> list[float]:
    if set(weights) != set(names):
        raise InputError(f'weights: found {sorted(weights)}; wanted one for each of {sorted(names)}')
    if bad := {name: weight for name, weight in weights.items() if not 0 < weight < math.inf}:
        raise InputError(f'weights: found {bad}; wanted positive numbers. Leave a member out with `use`.')
    return [float(weights[name]) for name in names]


def _build(name: str, settings: Mapping, on_bad_file: str) -> Member:
    """ValueError, OSError or TypeError, naming the member, where its data set cannot be built."""
    if not {'dataset', 'intensity'} <= settings.keys() <= {'dataset', 'intensity', 'extra_channels'}:
        raise InputError(f'member {name}: found {sorted(settings)}; wanted dataset, intensity and maybe extra_channels')
    config = dict(settings['dataset'])
    if given := {'pipeline', 'on_bad_file'} & config.keys():
        raise InputError(f'member {name}: its dataset has {sorted(given)}, which is a setting of JointSweeps: move it')
    try:
        check_intensity_scale(settings['intensity'])
        dataset = DATASETS.build({**config, 'on_bad_file': on_bad_file})
    except (ValueError, OSError) as error:
        raise _naming(error, name) from error
    if not isinstance(dataset, SweepStream):
        raise InputTypeError(
            f'member {name}: found a {type(dataset).__name__}; wanted a SweepStream, as NuScenesSweeps is'
        )
    return Member(name, dataset, settings['intensity'], tuple(settings.get('extra_channels', ())))


def _naming(error: Exception, name: str) -> Exception:
    """An error of the same kind whose text begins with the member."""
    kinds = (BadSampleError, InputError, MissingFileError, FileNotFoundError, OSError, ValueError)
    return next(kind for kind in kinds if isinstance(error, kind))(f'member {name}: {error}')
