"""Whether schedules and checkpoints count what the training counts, steps or epochs, and end where it does."""

import math
from collections.abc import Mapping, Sequence
from typing import Any

from ..errors import InputError

LENGTHS = {'max_iters': ('steps', False), 'max_epochs': ('epochs', True)}
"""Entry of train_cfg -> what it counts, and whether these are epochs."""


def check_counting(cfg: Mapping[str, Any]) -> None:
    """InputError for what mmengine leaves undone without a word: schedules and checkpoints by epochs in a training
    that counts steps alone, and a best checkpoint where nothing is validated."""
    hook = (cfg.get('default_hooks') or {}).get('checkpoint') or {}
    if hook.get('save_best') and cfg.get('train_cfg') and not cfg.get('val_dataloader'):
        raise InputError(
            f'default_hooks.checkpoint.save_best={hook["save_best"]} would change nothing: this training validates '
            'nothing, it has no val_dataloader. Leave it out'
        )
    loop = cfg.get('train_cfg') or {}
    if 'max_iters' not in loop or loop.get('by_epoch'):
        return
    if hook and hook.get('by_epoch', True) and hook.get('interval', 1) != -1:
        raise InputError(
            f'default_hooks.checkpoint counts epochs (by_epoch, which is True unless stated), and the training counts '
            f'steps (train_cfg.max_iters={loop["max_iters"]}): nothing would be kept before its end. Set '
            'default_hooks.checkpoint.by_epoch=False, and its interval in steps'
        )
    for number, one in enumerate(_listed(cfg.get('param_scheduler'))):
        if one.get('by_epoch', True) and not one.get('convert_to_iter_based'):
            raise InputError(
                f'param_scheduler.{number} ({one.get("type")}) counts epochs (by_epoch, which is True unless stated), '
                f'and the training counts steps (train_cfg.max_iters={loop["max_iters"]}): it would never change a '
                f'rate. Set param_scheduler.{number}.by_epoch=False, and its numbers in steps'
            )


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
    listed = _listed(schedulers)
    if any(one.get('by_epoch', True) != by_epoch for one in listed):
        return None
    ends = [one.get('end', one.get('total_steps', one.get('T_max', math.inf))) for one in listed]
    last = max(ends, default=None)
    return None if last in (None, math.inf) else last


def _listed(schedulers: Any) -> Sequence[Mapping[str, Any]]:
    """Those of one optimiser; of several, which are named, none are looked at."""
    if isinstance(schedulers, Mapping):
        return [schedulers] if 'type' in schedulers else []
    return schedulers or []
