"""Whether the parts of a model that a config gives rates of their own are there: mmengine looks for their names in
those of the parameters, and takes none for an answer."""

import logging
from collections.abc import Collection, Mapping
from difflib import get_close_matches
from typing import Any

from mmengine.config import Config
from mmengine.logging import print_log
from torch import nn

from ..errors import InputError

PLACE = 'optim_wrapper.paramwise_cfg.custom_keys'
MULTIPLIERS = {'lr_mult', 'decay_mult'}


def check_custom_keys(model: nn.Module, cfg: Config, typed: Collection[str]) -> None:
    """A name in ``paramwise_cfg.custom_keys`` of the default constructor must be part of a parameter's name.

    Args:
        model: of the runner.
        cfg: its config.
        typed: dotted keys of the command line. A name of these that no parameter has is refused; one of a config, which
            may be written for several models, is warned of.

    InputError, with the nearest names; also for an entry that mmengine does not read.
    """
    wrapper = cfg.get('optim_wrapper') or {}
    if wrapper.get('constructor', 'DefaultOptimWrapperConstructor') != 'DefaultOptimWrapperConstructor':
        return
    keys: Mapping[str, Any] = (wrapper.get('paramwise_cfg') or {}).get('custom_keys') or {}
    names = [name for name, _ in model.named_parameters()] if keys else []
    for key, settings in keys.items():
        if strange := sorted(set(settings) - MULTIPLIERS):
            raise InputError(f'{PLACE}.{key} has {", ".join(strange)}, which nothing reads; wanted lr_mult, decay_mult')
        if any(key in name for name in names):
            continue
        text = f'{PLACE}.{key} would change nothing: no parameter of the model has this in its name; nearest: '
        text += ', '.join(nearest(key, names))
        if any(one.startswith(f'{PLACE}.{key}.') for one in typed):
            raise InputError(text)
        print_log(text, logger='current', level=logging.WARNING)


def nearest(key: str, names: Collection[str]) -> list[str]:
    """What a name may have been meant for: modules and parameters nearly called so, or else the largest parts."""
    paths = [name.split('.') for name in names]
    known = {'.'.join(path[i:j]) for path in paths for i in range(len(path)) for j in range(i + 1, len(path) + 1)}
    return get_close_matches(key, sorted(known)) or sorted({path[0] for path in paths})
