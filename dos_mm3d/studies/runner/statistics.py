"""Means, spreads and differences over seeds with Student's t intervals (Gosset 1908; Welch 1947). Pure functions."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean, stdev

from scipy.stats import t as student_t

from ...errors import InputError

CONFIDENCE = 0.95


@dataclass(frozen=True)
class Estimate:
    """A mean with its confidence interval, in the unit of the values; low and high are None where one value is all."""

    mean: float
    low: float | None
    high: float | None
    n: int

    @property
    def verdict(self) -> str:
        """Whether the interval leaves out zero; '-' without an interval."""
        if self.low is None or self.high is None:
            return '-'
        return 'separates' if self.low > 0 or self.high < 0 else 'does not separate'

    def as_record(self) -> dict[str, float | int | str | None]:
        return {'mean': self.mean, 'low': self.low, 'high': self.high, 'n': self.n, 'verdict': self.verdict}


def sample_sd(values: Sequence[float]) -> float | None:
    """Standard deviation with n - 1; None for fewer than two values."""
    return stdev(values) if len(values) > 1 else None


def means(parts: Sequence[Mapping[str, float | None]]) -> dict[str, float | None]:
    """Name -> mean over the parts, which have the same names; None where any is: of classes without a point, say."""
    values = {name: [part.get(name) for part in parts] for name in parts[0]}
    return {name: None if None in found else fmean(found) for name, found in values.items()}


def mean_estimate(values: Sequence[float]) -> Estimate:
    """Mean +- t_{n-1} s / sqrt(n). ValueError for no values."""
    if not values:
        raise InputError('no values to average')
    if len(values) == 1:
        return Estimate(values[0], None, None, 1)
    return _interval(fmean(values), stdev(values) / math.sqrt(len(values)), len(values) - 1, len(values))


def paired_difference(row: Mapping[int, float], above: Mapping[int, float]) -> Estimate | None:
    """Mean of row - above over the seeds that both have, with the paired t interval; None where they share none."""
    shared = sorted(set(row) & set(above))
    return mean_estimate([row[seed] - above[seed] for seed in shared]) if shared else None


def difference_to(values: Sequence[float], baseline: Sequence[float]) -> Estimate:
    """Mean difference to a baseline whose seeds are others: Welch's interval.

    A baseline with one value has no seeds (raw input, pillar statistics): it counts as exact, and the interval is that
    of the values alone. ValueError for no values.
    """
    if not values or not baseline:
        raise InputError(f'got {len(values)} values and {len(baseline)} of the baseline, wanted at least one of each')
    difference = fmean(values) - fmean(baseline)
    if len(baseline) == 1:
        return mean_estimate([value - baseline[0] for value in values])
    if len(values) == 1:
        return Estimate(difference, None, None, 1)
    parts = [stdev(sample) ** 2 / len(sample) for sample in (values, baseline)]
    total = sum(parts)
    if total == 0:
        return Estimate(difference, difference, difference, len(values))
    freedom = total**2 / sum(part**2 / (len(sample) - 1) for part, sample in zip(parts, (values, baseline)))
    return _interval(difference, math.sqrt(total), freedom, len(values))


def _interval(mean: float, standard_error: float, degrees_of_freedom: float, n: int) -> Estimate:
    half = float(student_t.ppf((1 + CONFIDENCE) / 2, degrees_of_freedom)) * standard_error
    return Estimate(mean, mean - half, mean + half, n)
