"""Settings that torch or mmengine refuse, or misread, when all else is built are settled or refused at once."""

import math
from collections.abc import Mapping
from difflib import get_close_matches
from typing import Any

from mmengine.config import Config
from mmengine.optim import OPTIMIZERS

from ..errors import InputError

LOADERS = ('train_dataloader', 'val_dataloader', 'test_dataloader')
LEAST = {'batch_size': 1, 'num_workers': 0, 'prefetch_factor': 1, 'num_batch_per_epoch': 1}
MAY_BE_LEFT = ('prefetch_factor', 'num_batch_per_epoch')
"""Of these, those that may be None."""
OF_WORKERS = ('persistent_workers', 'prefetch_factor', 'timeout', 'multiprocessing_context')
"""What only a loader with workers may have."""
LENGTHS = ('max_iters', 'max_epochs', 'val_interval')
"""Of train_cfg, counted from 1."""

OF_MMENGINE = ('runtime_info', 'timer', 'sampler_seed', 'logger', 'param_scheduler', 'checkpoint')
"""Hooks that a run has also where its config does not name them, unless they are None there."""
OF_HOOKS = ('interval', 'max_keep_ckpts', 'save_begin')
"""Of hooks, first read after some steps; -1 is never, or all."""
NOT_NONE = ('interval', 'max_keep_ckpts')
"""Of these, those whose 0 is neither, though mmengine takes it for -1."""
SYNC_BN = (None, 'torch', 'mmcv')


def settle_loaders(cfg: Config) -> None:
    """Take from a loader without workers what only workers have, so that `num_workers=0` is enough.

    InputError where a batch size, a number of workers or of batches is none."""
    for name in LOADERS:
        loader = cfg.get(name)
        if not isinstance(loader, dict):
            continue
        for key, least in LEAST.items():
            if not (key in MAY_BE_LEFT and loader.get(key) is None):
                _require_whole(f'{name}.{key}', loader.get(key, least), least)
        if name != 'train_dataloader' and loader.get('drop_last'):
            raise InputError(
                f'{name}.drop_last={loader["drop_last"]}: the last frames would not be scored; leave it out'
            )
        if loader.get('num_workers', 0) == 0:
            for key in OF_WORKERS:
                loader.pop(key, None)


def check_numbers(cfg: Config) -> None:
    """InputError where the length of a training, its learning rate or where its
    gradients are clipped is no number that can be one, or an optimiser is none."""
    lengths = cfg.get('train_cfg') or {}
    for key in LENGTHS:
        if key in lengths:
            value = lengths[key]  # 2e4 in a file is as good
            _require_whole(
                f'train_cfg.{key}', int(value) if isinstance(value, float) and value.is_integer() else value, 1
            )
    settle_hooks(cfg)
    hooks = {f'default_hooks.{name}': hook for name, hook in (cfg.get('default_hooks') or {}).items()}
    hooks |= {f'custom_hooks.{number}': hook for number, hook in enumerate(cfg.get('custom_hooks') or ())}
    for place, hook in hooks.items():
        for key in OF_HOOKS:
            if isinstance(hook, dict) and hook.get(key) is not None:
                _require_whole(f'{place}.{key}', hook[key], -1)
                if hook[key] == 0 and key in NOT_NONE:
                    raise InputError(f'{place}.{key}=0: wanted -1, for never or for all, or 1 or more')
    if cfg.get('sync_bn') not in SYNC_BN:
        raise InputError(f'sync_bn={cfg.sync_bn!r}: wanted one of {", ".join(map(str, SYNC_BN))}')
    wrapper = cfg.get('optim_wrapper') or {}
    for key, value in (wrapper.get('clip_grad') or {}).items():
        if key in ('max_norm', 'clip_value', 'norm_type') and not _is_positive(value):
            raise InputError(f'optim_wrapper.clip_grad.{key}={value!r}: wanted a number, more than 0')
    if wrapper.get('accumulative_counts') is not None:
        _require_whole('optim_wrapper.accumulative_counts', wrapper['accumulative_counts'], 1)
    schedules = cfg.get('param_scheduler')
    for number, one in enumerate(schedules if isinstance(schedules, list) else ()):
        for key in ('div_factor', 'final_div_factor'):
            if one.get(key) is not None and not _is_positive(one[key]):
                raise InputError(f'param_scheduler.{number}.{key}={one[key]!r}: wanted a number, more than 0')
        _require_span(f'param_scheduler.{number}', one)
    optimizer = wrapper.get('optimizer') or {}
    _require_optimizer(optimizer.get('type'))
    rate = optimizer.get('lr')
    if rate is not None and (type(rate) not in (int, float) or not 0 <= rate < math.inf):
        raise InputError(f'optim_wrapper.optimizer.lr={rate!r}: wanted a learning rate, a number from 0 on')


def _require_span(place: str, schedule: Mapping[str, Any]) -> None:
    """InputError for a schedule that ends before it begins, or that warms up from above the rate."""
    begin, end, start = schedule.get('begin', 0), schedule.get('end'), schedule.get('start_factor')
    if type(begin) is type(end) is int and not 0 <= begin < end:
        raise InputError(
            f'{place}: {schedule.get("type")} would last from step {begin} to step {end}: let the run be longer '
            '(max_iters), or the warm-up shorter, and of one step at least (warmup_iters)'
        )
    if type(start) in (int, float) and not 0 < start <= 1:
        raise InputError(
            f'{place}.start_factor={start:g}: the warm-up begins at this share of the learning rate, wanted more than '
            '0, up to 1: raise learning_rate'
        )


def settle_hooks(cfg: Config) -> None:
    """Take out default hooks that are None, which mmengine does with those that it has itself alone."""
    hooks = cfg.get('default_hooks')
    for name in [name for name, hook in (hooks or {}).items() if hook is None and name not in OF_MMENGINE]:
        hooks.pop(name)


def _is_positive(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and value > 0


def _require_optimizer(kind: object) -> None:
    """InputError, with the nearest, for a name that no optimiser has; one with a dot is imported."""
    if isinstance(kind, str) and '.' not in kind and kind not in OPTIMIZERS:
        near = get_close_matches(kind, OPTIMIZERS.module_dict) or ['AdamW', 'SGD']
        raise InputError(f'optim_wrapper.optimizer.type={kind}: there is no such optimiser; nearest: {", ".join(near)}')


def _require_whole(key: str, value: object, least: int) -> None:
    if not isinstance(value, int) or isinstance(value, bool) or value < least:
        raise InputError(f'{key}={value!r}: wanted a whole number, {least} or more')
