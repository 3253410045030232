"""Intensities of different LiDARs on one scale (docs/method.md, A23)."""

import math

from torch import Tensor

from ..errors import InputError

IntensityScale = float | str


def check_intensity_scale(scale: IntensityScale) -> None:
    """ValueError where `scale` is none that :func:`unit_intensity` takes."""
    is_number = isinstance(scale, (int, float)) and not isinstance(scale, bool)
    if not (scale in ('unit', 'tanh') if isinstance(scale, str) else is_number and 0 < scale < math.inf):
        raise InputError(f"intensity must be 'unit', 'tanh' or a positive number (what becomes 1), got {scale!r}")


def unit_intensity(intensity: Tensor, scale: IntensityScale) -> Tensor:
    """(N,) intensities of one sensor -> (N,) from 0 to 1.

    scale: a number, the intensity that becomes 1, larger ones too (nuScenes: 255); 'tanh', for sensors whose few
    outliers exceed the rest by orders of magnitude (Waymo: 1e4); 'unit', stays as it is (SemanticKITTI).
    ValueError for negative intensities, and with 'unit' for those above 1."""
    check_intensity_scale(scale)
    if not len(intensity):
        return intensity
    lowest, highest = float(intensity.min()), float(intensity.max())
    if lowest < 0 or (scale == 'unit' and highest > 1):
        raise InputError(
            f'found intensities from {lowest:g} to {highest:g}; wanted {"0 to 1" if scale == "unit" else "0 or more"} '
            f'for intensity={scale!r}. Set intensity to what the sensor can give, for example 255.'
        )
    if scale == 'unit':
        return intensity
    return intensity.tanh() if scale == 'tanh' else (intensity / scale).clamp(max=1)
