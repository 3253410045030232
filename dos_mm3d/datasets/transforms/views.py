"""Two augmented views of one scan (docs/method.md, "Views and masks")."""

import math
from dataclasses import dataclass

import numpy as np
import torch
from mmcv.transforms import BaseTransform
from mmdet3d.registry import TRANSFORMS
from torch import Generator, Tensor

from ...errors import InputError
from ...functional.augment import elastic_displacement, nearest_points, rotation, turned_normals, uniform
from ...functional.intensity import rank_intensity
from ..stream import BadSampleError
from .colour import ColourAugmentation
from .settings import require_range, require_share, require_size, settings_of


@dataclass(frozen=True)
class Augmentation:
    """Ranges of one view's augmentation; the defaults are outdoor ones (docs/method.md, "Views and masks").

    Args:
        crop_share: share of the points, the nearest to a random centre, that a view keeps.
        max_points: cap of the number of points that the share is of.
        yaw_range_rad: turn about z.
        yaw_prob: how often a view is turned at all.
        tilt_range_rad: turn about x and y.
        tilt_prob: how often a view is tilted at all.
        flip_prob: how often x, and y, are mirrored.
        scale_range: factor on the coordinates.
        shift_z_std_m: sd of the shift along z.
        jitter_std_m: sd of the noise on each coordinate.
        jitter_clip_m: largest noise on a coordinate.
        drop_share: share of the points that are dropped at random.
        intensity_scale: factor on the intensity.
        intensity_column: None where there is none, indoors.
        normal_columns: unit normals, turned and mirrored with the points; None where there are none.
        elastic: (granularity, magnitude) in metres of each elastic distortion, one after another; normals stay.
        elastic_prob: how often a view is distorted at all.
    """

    crop_share: tuple[float, float] = (0.4, 1.0)
    max_points: int = 32768
    yaw_range_rad: tuple[float, float] = (-math.pi, math.pi)
    yaw_prob: float = 0.8
    tilt_range_rad: tuple[float, float] = (-math.pi / 64, math.pi / 64)
    tilt_prob: float = 0.8
    flip_prob: float = 0.5
    scale_range: tuple[float, float] = (0.9, 1.1)
    shift_z_std_m: float = 0.0
    jitter_std_m: float = 0.0125
    jitter_clip_m: float = 0.05
    drop_share: tuple[float, float] = (0.0, 0.0)
    intensity_scale: tuple[float, float] = (1.0, 1.0)
    intensity_column: int | None = 3
    normal_columns: tuple[int, int, int] | None = None
    elastic: tuple[tuple[float, float], ...] = ()
    elastic_prob: float = 0.95

    def __post_init__(self) -> None:
        for name in ('yaw_prob', 'tilt_prob', 'flip_prob', 'elastic_prob'):
            require_share(name, getattr(self, name))
        for name in ('shift_z_std_m', 'jitter_std_m', 'jitter_clip_m'):
            require_size(name, getattr(self, name))
        for name in ('crop_share', 'drop_share'):
            require_range(name, getattr(self, name), 0, 1, 'shares of the points')
        for name in ('yaw_range_rad', 'tilt_range_rad'):
            require_range(name, getattr(self, name), -2 * math.pi, 2 * math.pi, 'radians, not degrees')
        require_range('scale_range', self.scale_range, 0.01, 100, 'factors')
        require_range('intensity_scale', self.intensity_scale, 0, math.inf, 'factors')
        if self.jitter_std_m > 0:
            require_size('jitter_clip_m', self.jitter_clip_m, above=0)
        if self.crop_share[1] == 0 or self.drop_share[0] == 1 or self.max_points < 1:
            raise InputError(
                f'crop_share={self.crop_share}, drop_share={self.drop_share}, max_points={self.max_points}: no point '
                'of a view would be left'
            )
        for granularity_m, magnitude_m in self.elastic:
            require_size('granularity of elastic', granularity_m, above=0)
            require_size('magnitude of elastic', magnitude_m)
        columns = self.columns
        if len(set(columns)) < len(columns) or min(columns, default=3) < 3:
            raise InputError(
                f'intensity_column={self.intensity_column}, normal_columns={self.normal_columns}: wanted different '
                'columns from 3 on, behind x, y, z'
            )

    @property
    def columns(self) -> list[int]:
        """Of the points, behind x, y, z, those that are changed."""
        return [one for one in (self.intensity_column, *(self.normal_columns or ())) if one is not None]

    def transform_matrix(self, generator: Generator) -> Tensor:
        """(3, 3): scale x flips x rotation, drawn anew."""
        yaw = uniform(*self.yaw_range_rad, generator) if uniform(0, 1, generator) < self.yaw_prob else 0.0
        turned = uniform(0, 1, generator) < self.tilt_prob
        roll, pitch = (uniform(*self.tilt_range_rad, generator) if turned else 0.0 for _ in range(2))
        signs = [-1.0 if uniform(0, 1, generator) < self.flip_prob else 1.0 for _ in range(2)] + [1.0]
        scale = uniform(*self.scale_range, generator)
        return torch.diag(torch.tensor(signs)) @ rotation(yaw, roll, pitch) * scale

    def __call__(self, points: Tensor, generator: Generator) -> Tensor:
        """Augmented copy of (n, C) points; rows keep their order."""
        out = points.clone()
        matrix = self.transform_matrix(generator)
        out[:, :3] = points[:, :3] @ matrix.T
        if self.normal_columns is not None:
            columns = list(self.normal_columns)
            out[:, columns] = turned_normals(points[:, columns], matrix)
        out[:, 2] += self.shift_z_std_m * float(torch.randn((), generator=generator))
        if self.jitter_std_m > 0:
            noise = torch.randn(len(out), 3, generator=generator).mul_(self.jitter_std_m)
            out[:, :3] += noise.clamp_(-self.jitter_clip_m, self.jitter_clip_m)
        if self.elastic and uniform(0, 1, generator) < self.elastic_prob:
            for granularity_m, magnitude_m in self.elastic:
                out[:, :3] += elastic_displacement(out[:, :3], granularity_m, magnitude_m, generator)
        if self.intensity_column is not None:
            out[:, self.intensity_column] *= uniform(*self.intensity_scale, generator)
        return out

    def crop(self, points: Tensor, centre_candidates: Tensor, generator: Generator) -> Tensor:
        """Rows of the points nearest to one of ``centre_candidates``, drawn at random."""
        pick = torch.randint(len(centre_candidates), (), generator=generator)
        centre = points[centre_candidates[pick], :3]
        share = uniform(*self.crop_share, generator)
        return nearest_points(points, centre, max(1, int(share * min(len(points), self.max_points))))

    def drop(self, rows: Tensor, generator: Generator) -> Tensor:
        """The rows that are left after the random drop."""
        share = uniform(*self.drop_share, generator)
        left = torch.rand(len(rows), generator=generator) >= share
        return rows.index_select(0, torch.from_numpy(np.flatnonzero(left.numpy())))  # faster than rows[left]


@TRANSFORMS.register_module()
class TwoViews(BaseTransform):
    """results['points'] (N, C) -> results['views'], two (points (n, C), origin (n,)) tuples.

    Each view keeps ``crop_share`` of the points nearest to its own centre; the centre of the second lies in the first,
    so that the two overlap. ``origin`` is the row in the raw scan.

    Args:
        colour: settings of :class:`~.colour.ColourAugmentation`, drawn once for both views; None leaves colours alone.
        intensity_ranks: whether intensities become ranks within the scan, 0-255, before anything is dropped
            (docs/method.md, A24). Downstream pipelines then have the step IntensityRanks.
        intensity_dropout: how often one of the two views, teacher's and student's alike, has the scan's median
            intensity for all of its points.
        augmentation: settings of :class:`Augmentation`, drawn for each view.
    """

    KEYWORDS_OF = Augmentation
    SETTINGS = {'colour': ColourAugmentation}
    TAKES, GIVES = 'points', 'views'

    def __init__(
        self,
        colour: dict | None = None,
        intensity_ranks: bool = False,
        intensity_dropout: float = 0.0,
        **augmentation,
    ) -> None:
        self.augmentation = settings_of(Augmentation, 'TwoViews', augmentation)
        self.colour = None if colour is None else settings_of(ColourAugmentation, 'colour of TwoViews', colour)
        if not 0 <= intensity_dropout <= 1:
            raise InputError(f'intensity_dropout must be from 0 to 1, got {intensity_dropout}')
        if self.augmentation.intensity_column is None and (intensity_ranks or intensity_dropout):
            raise InputError('intensity_ranks and intensity_dropout need an intensity_column, got None')
        self.intensity_ranks = intensity_ranks
        self.intensity_dropout = intensity_dropout

    def transform(self, results: dict) -> dict:
        generator = results['generator']
        if (count := results['points'].shape[1]) <= max(self.augmentation.columns, default=2):
            raise InputError(
                f'{results["file"]}: found {count} columns, and TwoViews is told of columns {self.augmentation.columns}'
                ' (intensity_column, normal_columns), counted from 0: correct them, None for none'
            )
        if self.colour is not None:
            results['points'] = self.colour(results['points'], generator)
        if self.intensity_ranks:
            results['points'] = self.ranked(results['points'], results['file'])
        points = results['points']
        candidates = torch.arange(len(points))
        views = []
        for _ in range(2):
            candidates = self.augmentation.crop(points, candidates, generator)
            origin = self.augmentation.drop(candidates, generator)
            views.append((self.augmentation(points.index_select(0, origin), generator), origin))
        # last, and only where it is asked for, so that it changes no other number that is drawn
        if self.intensity_dropout and uniform(0, 1, generator) < self.intensity_dropout:
            without, _ = views[int(torch.randint(2, (), generator=generator))]
            column = self.augmentation.intensity_column
            without[:, column] = points[:, column].median()
        results['views'] = views
        return results

    def ranked(self, points: Tensor, file: str) -> Tensor:
        """Copy of (n, C) points with ranks for intensities."""
        column, out = self.augmentation.intensity_column, points.clone()
        try:
            out[:, column] = rank_intensity(points[:, column])
        except InputError as error:
            raise BadSampleError(f'{file}: {error}') from error
        return out
