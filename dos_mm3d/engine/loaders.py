"""Settings that torch or mmengine refuse, or misread, when all else is built are settled or refused at once."""

import math

from mmengine.config import Config

from ..errors import InputError

LOADERS = ('train_dataloader', 'val_dataloader', 'test_dataloader')
LEAST = {'batch_size': 1, 'num_workers': 0}
OF_WORKERS = ('persistent_workers', 'prefetch_factor', 'timeout', 'multiprocessing_context')
"""What only a loader with workers may have."""
LENGTHS = ('max_iters', 'max_epochs', 'val_interval')
"""Of train_cfg, counted from 1."""


def settle_loaders(cfg: Config) -> None:
    """Take from a loader without workers what only workers have, so that `num_workers=0` is enough.

    InputError where a batch size or a number of workers is none."""
    for name in LOADERS:
        loader = cfg.get(name)
        if not isinstance(loader, dict):
            continue
        for key, least in LEAST.items():
            _require_whole(f'{name}.{key}', loader.get(key, least), least)
        if loader.get('num_workers', 0) == 0:
            for key in OF_WORKERS:
                loader.pop(key, None)


def check_numbers(cfg: Config) -> None:
    """InputError where the length of a training, or its learning rate, is no number that can be one."""
    lengths = cfg.get('train_cfg') or {}
    for key in LENGTHS:
        if key in lengths:
            value = lengths[key]  # 2e4 in a file is as good
            _require_whole(
                f'train_cfg.{key}', int(value) if isinstance(value, float) and value.is_integer() else value, 1
            )
    optimizer = (cfg.get('optim_wrapper') or {}).get('optimizer') or {}
    rate = optimizer.get('lr')
    if rate is not None and (type(rate) not in (int, float) or not 0 <= rate < math.inf):
        raise InputError(f'optim_wrapper.optimizer.lr={rate!r}: wanted a learning rate, a number from 0 on')


def _require_whole(key: str, value: object, least: int) -> None:
    if not isinstance(value, int) or isinstance(value, bool) or value < least:
        raise InputError(f'{key}={value!r}: wanted a whole number, {least} or more')
