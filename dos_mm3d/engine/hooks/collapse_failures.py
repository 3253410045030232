"""What a collapse looks like in numbers: named failures, their limits, and the settings most likely at fault.

Recorded healthy runs, from the 10th step on: feature_spread >= 0.51, effective_rank >= 12.9, largest_usage <= 0.54,
prototypes_used >= 0.11, column_entropy <= 0.89, cosine_std >= 0.12; after 200 steps on real sweeps
effective_rank >= 9.4 (docs/results/real_folders.json). Every limit lies well outside.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from ...errors import InputError
from ..known_keys import value_at

CONSTANT_SPREAD = 1e-3
"""Below this feature_spread all features are one vector: no start of a run explains it, so no warm-up excuses it."""

TEMPERATURE = ('model.head.teacher_temperature', 'lower it, and keep it below model.head.student_temperature')
RATE = ('optim_wrapper.optimizer.lr', 'lower it, or lengthen its warm-up')
ALPHA = ('model.head.alpha', 'lower it: from 2 on the prior wants almost every point at a few prototypes')
ROUNDS = ('model.head.n_iters', 'raise it')
PROTOTYPES = ('model.head.num_prototypes', 'lower it')
CLS_CENTRE = ('model.cls.targets.centre_momentum', 'lower it, so that the centre follows the logits')
PATCH_CENTRE = ('model.patch.targets.centre_momentum', 'lower it, so that the centre follows the logits')
CLS_TEMPERATURE = ('model.cls.targets.temperature', 'lower it, and keep it below model.student_temperature')
PATCH_TEMPERATURE = ('model.patch.targets.temperature', 'lower it, and keep it below model.student_temperature')
CLIP = ('optim_wrapper.clip_grad.max_norm', 'set or lower it')


@dataclass(frozen=True)
class Failure:
    """One way to fail, and what to change then.

    Args:
        name: what the message calls it.
        statistic: the statistic that shows it.
        settings: (config key, advice), the likeliest first.
        healthy: 'at least' or 'at most' the limit.
        limit: a value beyond it, or NaN, shows the failure.
    """

    name: str
    statistic: str
    settings: tuple[tuple[str, str], ...]
    healthy: str
    limit: float

    def shown_by(self, value: float) -> bool:
        return not (value >= self.limit if self.healthy == 'at least' else value <= self.limit)


NOT_FINITE = (RATE, CLIP)
"""Settings at fault where a value is not finite."""
FAILURES = (
    Failure('constant features', 'feature_spread', (TEMPERATURE, RATE), 'at least', 0.1),
    Failure('rank collapse', 'effective_rank', (RATE, TEMPERATURE), 'at least', 2.5),
    Failure('one dominating prototype', 'largest_usage', (ALPHA, ROUNDS, RATE), 'at most', 0.9),
    Failure('too few prototypes', 'prototypes_used', (ALPHA, PROTOTYPES, RATE), 'at least', 0.02),
    Failure('uniform targets', 'column_entropy', (TEMPERATURE, RATE), 'at most', 0.995),
    Failure('equal cosines', 'cosine_std', (TEMPERATURE, RATE), 'at least', 0.02),
    # of AsymDSD: two categories that are used alike have log 2 / log 4096 = 0.083
    Failure('CLS marginal 0', 'cls_marginal_entropy', (CLS_CENTRE, RATE), 'at least', 0.05),
    Failure('patch marginal 0', 'patch_marginal_entropy', (PATCH_CENTRE, RATE), 'at least', 0.05),
    Failure('CLS uniform', 'cls_posterior_entropy', (CLS_TEMPERATURE, RATE), 'at most', 0.999),
    Failure('patch uniform', 'patch_posterior_entropy', (PATCH_TEMPERATURE, RATE), 'at most', 0.999),
)
"""Causes before their consequences: constant features also have no rank, one prototype and uniform targets."""


def choose_failures(limits: Mapping[str, float | None]) -> tuple[Failure, ...]:
    """FAILURES with other limits; {statistic: limit}, None leaves the statistic unjudged. ValueError for others."""
    known = {failure.statistic for failure in FAILURES}
    if unknown := set(limits) - known:
        raise InputError(f'limits names {sorted(unknown)}; the hook judges {sorted(known)}')
    chosen = {failure: limits.get(failure.statistic, failure.limit) for failure in FAILURES}
    return tuple(replace(failure, limit=limit) for failure, limit in chosen.items() if limit is not None)


class Judge:
    """Counts, look by look, for how long each statistic has been outside its limit.

    A failure is named once it has lasted ``patience`` looks, and not before ``warmup_iters``; looks during the warm-up
    count. Exactly constant features are named during the warm-up, too.
    """

    def __init__(self, failures: tuple[Failure, ...], patience: int, warmup_iters: int) -> None:
        self.failures = failures
        self.patience = patience
        self.warmup_iters = warmup_iters
        self.looks_outside = {failure.name: 0 for failure in failures}

    def look(self, iteration: int, statistics: Mapping[str, float]) -> list[Failure]:
        """Failures to name after ``iteration`` (counted from 1), causes first; a model may give fewer statistics."""
        for failure in self.failures:
            value = statistics.get(failure.statistic)
            outside = value is not None and failure.shown_by(value)
            self.looks_outside[failure.name] = self.looks_outside[failure.name] + 1 if outside else 0
        if iteration <= self.warmup_iters and statistics.get('feature_spread', 1.0) >= CONSTANT_SPREAD:
            return []
        return [failure for failure in self.failures if self.looks_outside[failure.name] >= self.patience]

    def forget(self, failures: list[Failure]) -> None:
        """Count anew, so that a warning is repeated only after ``patience`` more looks."""
        self.looks_outside.update({failure.name: 0 for failure in failures})


def describe(failures: list[Failure], statistics: Mapping[str, float], config: Mapping[str, Any]) -> str:
    """Name, number, limit and settings of the first failure; the others, which may follow from it, in short."""
    first, *others = (
        f'{one.name} ({one.statistic} is {statistics[one.statistic]:.3g}, healthy is {one.healthy} {one.limit:g})'
        for one in failures
    )
    also = f'; with it {", ".join(others)}' if others else ''
    numbers = ', '.join(f'{name} {value:.3g}' for name, value in statistics.items())
    return f'{first}{also}. {advise(failures[0].settings, config)} All statistics: {numbers}.'


def advise(settings: tuple[tuple[str, str], ...], config: Mapping[str, Any]) -> str:
    """The settings most likely at fault with their present values; those that the config does not have are left out,
    unless it has none of them."""
    values = {key: value_at(config, key) for key, _ in settings}
    known = [setting for setting in settings if values[setting[0]] is not None] or settings
    parts = [f'{key}{"" if values[key] is None else f" = {values[key]}"} ({advice})' for key, advice in known]
    return f'Most likely at fault: {", then ".join(parts)}.'
