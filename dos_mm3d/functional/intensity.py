"""Intensities of different LiDARs on one scale (docs/method.md, A23), or as ranks, which have none (A24)."""

import math

import torch
from torch import Tensor

from ..errors import InputError

IntensityScale = float | str
TOLERATED = 0.01  # share of impossible values that is an accident of single points
RANKS_MEAN = 20.0
"""Of the reference distribution of ranks: about what the intensities of nuScenes, 0-255, have."""
RANKS_TOP = 255.0


def check_intensity_scale(scale: IntensityScale) -> None:
    """ValueError where `scale` is none that :func:`unit_intensity` takes."""
    is_number = isinstance(scale, (int, float)) and not isinstance(scale, bool)
    if not (scale in ('unit', 'tanh') if isinstance(scale, str) else is_number and 0 < scale < math.inf):
        raise InputError(f"intensity must be 'unit', 'tanh' or a positive number (what becomes 1), got {scale!r}")


def unit_intensity(intensity: Tensor, scale: IntensityScale) -> Tensor:
    """(N,) intensities of one sensor -> (N,) from 0 to 1.

    scale: a number, the intensity that becomes 1, larger ones too (nuScenes: 255); 'tanh', for sensors whose few
    outliers exceed the rest by orders of magnitude (Waymo: 1e4); 'unit', stays as it is (SemanticKITTI).
    Negative intensities and NaN, and with 'unit' those above 1, are clipped where they are single ones; ValueError
    where they are more than 1 %."""
    check_intensity_scale(scale)
    if not len(intensity):
        return intensity
    highest = 1 if scale == 'unit' else math.inf
    wrong = ~((intensity >= 0) & (intensity <= highest))
    if wrong.any():
        if int(wrong.sum()) > TOLERATED * len(intensity):
            raise InputError(_out_of_range(intensity, scale))
        intensity = intensity.nan_to_num(0).clamp(0, highest)
    if scale == 'unit':
        return intensity
    return intensity.tanh() if scale == 'tanh' else (intensity / scale).clamp(max=1)


def rank_intensity(intensity: Tensor, mean: float = RANKS_MEAN) -> Tensor:
    """(N,) intensities of one cloud, on whatever scale -> (N,) float32 on a fixed one from 0 to 255.

    Each value becomes the quantile of a reference distribution that its rank in the cloud says: with r the rank from
    1 to N, equal values having the mean of their ranks (fractional ranking), p = (r - 1/2) / N, and

        -mean * log(1 - p), at most 255

    the quantile of the exponential distribution. So any strictly increasing change of all intensities, such as another
    unit, gain or gamma, changes nothing, and equal ones all become mean * log(2), the median. The shape is roughly that
    of real intensities: most are low, few high.
    intensity: the whole cloud, before points are dropped; NaN counts as the lowest.  mean: of the exponential.
    ValueError where more than 1 % are NaN.
    """
    if not 0 < mean < math.inf:
        raise ValueError(f'mean must be positive, got {mean}')
    if not len(intensity):
        return intensity.float()
    if (n_bad := int(intensity.isnan().sum())) > TOLERATED * len(intensity):
        raise InputError(
            f'found {n_bad} NaN among {len(intensity)} intensities, wanted at most {TOLERATED:.0%}: give a cloud '
            'without intensities one number for all, such as 0'
        )
    lowest_first = intensity.nan_to_num(-math.inf, math.inf, -math.inf)
    _, group, sizes = lowest_first.unique(return_inverse=True, return_counts=True)
    # of a group of equal values the mean rank is (values below) + (size + 1) / 2
    share = (sizes.cumsum(0) - sizes.double() / 2) / len(intensity)
    return (-mean * torch.log1p(-share)).clamp(max=RANKS_TOP).float().index_select(0, group)


def _out_of_range(intensity: Tensor, scale: IntensityScale) -> str:
    lowest, highest = float(intensity.min()), float(intensity.max())
    found = f'found intensities from {lowest:g} to {highest:g}'
    if scale == 'unit' and lowest >= 0:
        return f"{found}; wanted 0 to 1 for intensity='unit'. Set intensity to what the sensor can give, such as 255."
    return (
        f'{found}; wanted {"0 to 1" if scale == "unit" else "0 or more"} for intensity={scale!r}. More than '
        f'{TOLERATED:.0%} are negative or NaN: shift them in the files, or read these with FolderSweeps and '
        "missing_intensity='zero', which makes them 0."
    )
