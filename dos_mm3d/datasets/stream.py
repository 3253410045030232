"""The training stream: what is drawn at a position is a pure function of (seed, position).

It therefore depends on neither the number of loader workers nor the number of ranks, and a resumed run only has to
know the position it goes on from; nothing is replayed."""

import logging
from collections.abc import Iterable, Iterator, Sequence, Sized
from functools import lru_cache
from typing import Any, NamedTuple

import numpy as np
import torch
from mmdet3d.registry import DATA_SAMPLERS, TRANSFORMS
from mmengine.dist import get_dist_info, sync_random_seed
from mmengine.logging import print_log
from torch import Tensor
from torch.utils.data import Dataset, Sampler

from ..errors import InputError, InputTypeError
from ..spread import evenly_spread
from ..structures import Grid
from .steps import check_steps

MAX_ATTEMPTS = 16
FRAMES_LOOKED_AT, LEAST_IN_RANGE = 3, 0.5  # share of their points


class BadSampleError(InputError):
    """A sweep that cannot be trained on: no point in range, no visible or no common voxel. Raised by transforms."""


class Draw(NamedTuple):
    """What a sampler asks a stream for."""

    seed: int
    position: int


def check_choice(setting: str, given: Sequence, known: Iterable) -> None:
    """InputError unless what a setting gives are different ones of the known, one at least."""
    known = list(known)
    if not given or set(given) - set(known) or len(set(given)) < len(given):
        raise InputError(f'{setting} must be different ones of {known}, at least one, got {list(given)}')


def epoch_order(seed: int, epoch: int, n: int) -> np.ndarray:
    """(n,) int64 permutation in which pass `epoch` over n frames runs."""
    # The spawn key keeps these random numbers apart from those of the samples, which use the same two integers.
    return np.random.default_rng(np.random.SeedSequence([seed, epoch], spawn_key=(0,))).permutation(n)


_cached_order = lru_cache(maxsize=4)(epoch_order)


def sample_generator(seed: int, position: int, attempt: int = 0) -> torch.Generator:
    """The generator of all random choices made for the sample at `position`; another one for each attempt."""
    state = np.random.SeedSequence([seed, position, attempt]).generate_state(1, np.uint64)
    return torch.Generator().manual_seed(int(state[0] >> np.uint64(1)))


def replacement(draw: Draw, attempt: int, n: int) -> int:
    """One of n frames, in place of a bad one."""
    sequence = np.random.SeedSequence([draw.seed, draw.position, attempt], spawn_key=(1,))
    return int(np.random.default_rng(sequence).integers(n))


class SweepStream(Dataset):
    """Base of the pretraining data sets: `dataset[Draw(seed, position)]` -> what the pipeline makes of that draw.

    Sub-classes set `frames` and provide `load`. The pipeline (mmdet3d TRANSFORMS) starts from dict(points=(N, C)
    float32 tensor, file=str, generator=torch.Generator, position=int, skipped=list[str], grid=Grid); all its
    randomness must come from that generator, what changes during a run from the position.

    Args:
        pipeline: transforms of a sample, built or as configs.
        on_bad_file: 'error' stops at the first bad sweep, naming it; 'skip' replaces it by another draw, a function of
            (seed, position, attempt), and lists it in `skipped`; after 16 in a row BadSampleError.
    """

    frames: Sequence[Any]
    """One entry for each sweep that can be drawn."""
    grid: Grid | None = None
    """Voxels and loss voxels of the model that is trained, set by StreamTrainLoop; a pipeline that masks needs it."""

    def __init__(self, pipeline: Sequence[dict], on_bad_file: str = 'error') -> None:
        if on_bad_file not in ('error', 'skip'):
            raise InputError(f"on_bad_file must be 'error' or 'skip', got {on_bad_file!r}")
        self.on_bad_file = on_bad_file
        self.transforms = [TRANSFORMS.build(step) if isinstance(step, dict) else step for step in pipeline]
        check_steps(self.transforms)

    def load(self, index: int) -> tuple[Tensor, str]:
        """Points (N, C) float32 and file of frame `index`; ValueError or OSError, naming the file, where it is bad."""
        raise NotImplementedError

    def warn_if_out_of_range(self) -> None:
        """Say so where most points of a few frames lie outside the range of `grid`: a wrong unit or frame leaves some
        inside, and training would go on with these."""
        if self.grid is None:
            return
        n_inside = n_points = 0
        for index in evenly_spread(range(len(self)), FRAMES_LOOKED_AT):
            try:
                points, _ = self.load(index)
            except (ValueError, OSError):
                continue  # said when it is drawn
            n_points += len(points)
            n_inside += int(self.grid.occupied(points)[0].sum())
        if n_inside < LEAST_IN_RANGE * n_points:
            print_log(
                f'{type(self).__name__}: {n_inside / n_points:.1%} of the points of {FRAMES_LOOKED_AT} sweeps lie in '
                f'the range that is trained on, from {list(self.grid.range_min_m)} m; the others are dropped. Are they '
                'metres, from the sensor? Else convert them, or change point_cloud_range.',
                logger='current',
                level=logging.WARNING,
            )

    def require_columns(self, channels: Sequence[str]) -> None:
        """InputError where a config names more columns than points have: a network for them could not be fed."""
        try:
            points, _ = self.load(0)
        except (ValueError, OSError):
            return  # said when it is drawn
        if points.shape[1] < len(channels):
            raise InputError(
                f'input_channels names {len(channels)} columns ({", ".join(channels)}), and the points of '
                f'{type(self).__name__} have {points.shape[1]}; name those that are there'
            )

    @property
    def metainfo(self) -> dict:
        """What mmengine writes beside the weights."""
        return {'dataset': type(self).__name__, 'n_frames': len(self)}

    def __len__(self) -> int:
        return len(self.frames)

    def __getitem__(self, draw: Draw) -> dict:
        if not isinstance(draw, Draw):
            raise InputTypeError(
                f'{type(self).__name__} is indexed by Draw(seed, position), got {draw!r}: '
                "use sampler=dict(type='StreamSampler')"
            )
        skipped: list[str] = []
        for attempt in range(MAX_ATTEMPTS):
            try:
                return self._attempt(draw, attempt, skipped)
            except BadDraw as bad:
                if self.on_bad_file == 'error':
                    raise bad.error from bad.error.__cause__
                skipped.append(str(bad.error))
        raise BadSampleError(
            f'{MAX_ATTEMPTS} sweeps in a row cannot be used (seed {draw.seed}, position {draw.position}); the first:\n'
            + '\n'.join(skipped[:3])
            + '\nMore than single files are bad: check data_root, bin_columns and the point cloud range.'
        )

    def index_of(self, draw: Draw, attempt: int = 0) -> int:
        """The frame drawn at a position: passes over all frames in changing order; a replacement is drawn
        uniformly."""
        if attempt:
            return replacement(draw, attempt, len(self))
        epoch, i = divmod(draw.position, len(self))
        return int(_cached_order(draw.seed, epoch, len(self))[i])

    def _attempt(self, draw: Draw, attempt: int, skipped: list[str]) -> dict:
        try:
            points, file = self.load(self.index_of(draw, attempt))
        except (ValueError, OSError) as error:
            raise BadDraw(error) from error
        generator = sample_generator(draw.seed, draw.position, attempt)
        results = {
            'points': points,
            'file': file,
            'generator': generator,
            'position': draw.position,
            'skipped': skipped,
            'grid': self.grid,
        }
        try:
            for transform in self.transforms:
                results = transform(results)
        except BadSampleError as error:
            named = error if file in str(error) else BadSampleError(f'{file}: {error}')
            raise BadDraw(named) from error
        # of use to transforms only; and a generator does not travel between processes
        return {name: value for name, value in results.items() if name not in ('generator', 'grid')}


class BadDraw(Exception):
    """Carries the error of a bad sweep from the attempt to the decision what to do about it."""

    def __init__(self, error: Exception) -> None:
        super().__init__(str(error))
        self.error = error


@DATA_SAMPLERS.register_module()
class StreamSampler(Sampler[Draw]):
    """Endless draws of this rank: positions start + rank, start + rank + world_size, ...

    Together the ranks draw each position once, and iteration i covers the same positions for any number of ranks with
    the same global batch.

    Args:
        dataset: what is drawn from, given by mmengine's Runner.
        seed: the same on all ranks; given by mmengine's Runner, too.
        start: first position.
    """

    def __init__(self, dataset: Sized, seed: int | None = None, start: int = 0) -> None:
        if not len(dataset):
            raise InputError('the data set is empty: there is nothing to draw')
        if start < 0 or (seed or 0) < 0:
            raise InputError(f'seed and start of StreamSampler must be 0 or more, got {seed} and {start}')
        self.rank, self.world_size = get_dist_info()
        self.seed = sync_random_seed() if seed is None else seed
        self.start = start
        self._n_frames = len(dataset)

    def skip_to(self, iteration: int, batch_size: int) -> None:
        """Let the next iterator begin at the draws of `iteration` (0-based), with `batch_size` samples a rank."""
        self.start = iteration * batch_size * self.world_size

    def __iter__(self) -> Iterator[Draw]:
        position = self.start + self.rank
        while True:
            yield Draw(self.seed, position)
            position += self.world_size

    def __len__(self) -> int:
        """Draws of this rank in one pass over the data set; the stream itself has no end."""
        return -(-self._n_frames // self.world_size)
