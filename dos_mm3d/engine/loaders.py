"""Settings of a config's data loaders that torch refuses, when all else is built, are settled or refused at once."""

from mmengine.config import Config

from ..errors import InputError

LOADERS = ('train_dataloader', 'val_dataloader', 'test_dataloader')
LEAST = {'batch_size': 1, 'num_workers': 0}
OF_WORKERS = ('persistent_workers', 'prefetch_factor', 'timeout', 'multiprocessing_context')
"""What only a loader with workers may have."""


def settle_loaders(cfg: Config) -> None:
    """Take from a loader without workers what only workers have, so that `num_workers=0` is enough.

    InputError where a batch size or a number of workers is none."""
    for name in LOADERS:
        loader = cfg.get(name)
        if not isinstance(loader, dict):
            continue
        for key, least in LEAST.items():
            value = loader.get(key, least)
            if not isinstance(value, int) or isinstance(value, bool) or value < least:
                raise InputError(f'{name}.{key}={value!r}: wanted a whole number, {least} or more')
        if loader.get('num_workers', 0) == 0:
            for key in OF_WORKERS:
                loader.pop(key, None)
