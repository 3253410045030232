"""Intensities of different LiDARs on one scale (docs/method.md, A23)."""

import math

from torch import Tensor

from ..errors import InputError

IntensityScale = float | str
TOLERATED = 0.01  # share of impossible values that is an accident of single points


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
