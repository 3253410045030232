"""Whether the schedule of the learning rate ends where the training does."""

import math
from collections.abc import Mapping
from typing import Any

LENGTHS = {'max_iters': ('steps', False), 'max_epochs': ('epochs', True)}
"""Entry of train_cfg -> what it counts, and whether these are epochs."""


def other_length(cfg: Mapping[str, Any], overrides: Mapping[str, Any]) -> str:
    """What to say where the command line gives a training another length than its schedule has; '' where it does not.

    mmdet3d's configs state both as numbers, so one does not follow the other.
    """
    for name, (unit, by_epoch) in LENGTHS.items():
        key = f'train_cfg.{name}'
        length, end = (cfg.get('train_cfg') or {}).get(name), _end(cfg.get('param_scheduler'), by_epoch)
        if key in overrides and end not in (None, length):
            what = 'is cut off' if length < end else 'is over then, and its last rate holds'
            return (
                f'{key}={length}, and the schedule of the learning rate (param_scheduler) is one of {end} {unit}: it '
                f'{what}. For one of {length} override begin, end and T_max of its parts'
            )
    return ''


def _end(schedulers: Any, by_epoch: bool) -> int | None:
    """Where the last of the schedules ends; None where one has no end, or counts otherwise."""
    listed = [schedulers] if isinstance(schedulers, Mapping) else schedulers or []
    if any(one.get('by_epoch', True) != by_epoch for one in listed):
        return None
    ends = [one.get('end', one.get('total_steps', one.get('T_max', math.inf))) for one in listed]
    last = max(ends, default=None)
    return None if last in (None, math.inf) else last
