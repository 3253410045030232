"""Schedules as pure functions of the step."""

import math


def cosine_ramp(step: int, total_steps: int, start: float, end: float) -> float:
    """Half a cosine from ``start`` at step 0 to ``end`` at the last step (total_steps - 1); constant after it."""
    share = min(max(step, 0) / max(total_steps - 1, 1), 1.0)
    return end + (start - end) * 0.5 * (1 + math.cos(math.pi * share))


def linear_warmup(step: int, warmup_steps: int, start: float, end: float) -> float:
    """Straight line from ``start`` at step 0 to ``end`` at ``warmup_steps``; constant after it."""
    if warmup_steps <= 0 or step >= warmup_steps:
        return end
    return start + (end - start) * max(step, 0) / warmup_steps
