"""Which member of a joint data set is drawn at a position: exact shares in every pass, a function of (seed, position).

A pass over N draws gives member m exactly c_m of them, in changing order. Member m runs through its own frames in
passes of its own, however c_m compares with the number of its frames."""

from collections.abc import Sequence
from functools import lru_cache

import numpy as np

SCHEDULE, ORDER = 2, 3  # spawn keys; stream.py has the others


def draws_per_pass(n_frames: Sequence[int], weights: Sequence[float] | None = None) -> list[int]:
    """Draws of each member in one pass of sum(n_frames) draws; they sum to that.

    Without weights a member is drawn as often as it has frames: each frame once. With weights its share is the weight's
    share of their sum, to the nearest whole draw (largest remainders)."""
    if weights is None:
        return list(n_frames)
    total = sum(n_frames)
    wanted = np.asarray(weights, np.float64) / sum(weights) * total
    draws = np.floor(wanted).astype(np.int64)
    draws[np.argsort(draws - wanted, kind='stable')[: total - int(draws.sum())]] += 1
    return draws.tolist()


def pass_schedule(seed: int, number: int, draws: tuple[int, ...]) -> tuple[np.ndarray, np.ndarray]:
    """Pass `number` over sum(draws) draws: the member of each, (N,) int64, and how many draws of this pass that member
    had before, (N,) int64."""
    members = np.repeat(np.arange(len(draws)), draws)
    members = np.random.default_rng(_sequence(SCHEDULE, seed, number)).permutation(members)
    before = np.empty_like(members)
    for member, count in enumerate(draws):
        before[members == member] = np.arange(count)
    return members, before


def member_order(seed: int, member: int, number: int, n: int) -> np.ndarray:
    """(n,) int64 order of a member's frames in its own pass `number`."""
    return np.random.default_rng(_sequence(ORDER, seed, number, member)).permutation(n)


def _sequence(key: int, *numbers: int) -> np.random.SeedSequence:
    # The spawn key keeps these random numbers apart from each other (a missing number counts as 0) and from those of
    # stream.py, which use the same integers.
    return np.random.SeedSequence(numbers, spawn_key=(key,))


cached_schedule = lru_cache(maxsize=2)(pass_schedule)
cached_member_order = lru_cache(maxsize=16)(member_order)
