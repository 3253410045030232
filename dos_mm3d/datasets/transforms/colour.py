"""Colours of a scan, changed at random (docs/method.md, "Views and masks"): contrast, a shift of all, noise on each."""

from dataclasses import dataclass

import torch
from mmcv.transforms import BaseTransform
from mmdet3d.registry import TRANSFORMS
from mmdet3d.structures.points import BasePoints
from torch import Generator, Tensor

from ...errors import InputError
from ...functional.augment import jitter_colour, shift_colour, stretch_contrast, uniform
from .settings import require_share, require_size, settings_of


@dataclass(frozen=True)
class ColourAugmentation:
    """How often and how much; the numbers are those of Pointcept's ScanNet configs, which Sonata uses.

    Args:
        columns: red, green, blue, 0 to 1.
        contrast_prob: how often the contrast is stretched, by a share from U(0, 1).
        shift_prob: how often the colours are shifted.
        shift: largest shift of each channel.
        jitter_prob: how often noise is added.
        jitter_std: sd of the noise on each value.
    """

    columns: tuple[int, int, int] = (3, 4, 5)
    contrast_prob: float = 0.2
    shift_prob: float = 0.95
    shift: float = 0.05
    jitter_prob: float = 0.95
    jitter_std: float = 0.05

    def __post_init__(self) -> None:
        for name in ('contrast_prob', 'shift_prob', 'jitter_prob'):
            require_share(name, getattr(self, name))
        for name in ('shift', 'jitter_std'):
            require_size(name, getattr(self, name))
        if len(set(self.columns)) < len(self.columns) or min(self.columns) < 3:
            raise InputError(f'columns of colours must be different ones from 3 on, behind x, y, z; got {self.columns}')

    def __call__(self, points: Tensor, generator: Generator) -> Tensor:
        """Copy of (n, C) points with other colours; ValueError where the colours are not 0 to 1."""
        columns = list(self.columns)
        if points.shape[1] <= max(columns):
            raise InputError(f'found {points.shape[1]} columns, wanted colours in {columns}: leave colour out')
        colour = points[:, columns]
        if len(colour) and (colour.min() < 0 or colour.max() > 1):
            raise InputError(
                f'found colours from {float(colour.min()):g} to {float(colour.max()):g} in columns {columns}, wanted '
                "0 to 1. Put dict(type='NormalizePointsColor', color_mean=None) before this step."
            )
        if uniform(0, 1, generator) < self.contrast_prob:
            colour = stretch_contrast(colour, uniform(0, 1, generator))
        if uniform(0, 1, generator) < self.shift_prob:
            colour = shift_colour(colour, self.shift, generator)
        if uniform(0, 1, generator) < self.jitter_prob:
            colour = jitter_colour(colour, self.jitter_std, generator)
        out = points.clone()
        out[:, columns] = colour
        return out


@TRANSFORMS.register_module()
class ColourJitter(BaseTransform):
    """:class:`ColourAugmentation` of mmdet3d's points, in the pipeline of a labelled data set.

    Draws from torch's own generator, which mmengine seeds in every worker. In pretraining TwoViews does it."""

    KEYWORDS_OF = ColourAugmentation

    def __init__(self, **settings) -> None:
        self.augmentation = settings_of(ColourAugmentation, 'ColourJitter', settings)

    def transform(self, results: dict) -> dict:
        points: BasePoints = results['points']
        points.tensor = self.augmentation(points.tensor, torch.default_generator)
        return results
